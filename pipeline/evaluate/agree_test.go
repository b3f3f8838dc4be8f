package evaluate_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"accrue/fixtures/random"
	"accrue/pipeline"
	"accrue/pipeline/cases"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
	"accrue/pipeline/warehouse"
)

// passes is the engine under test without its loader: the facts are those that the reference accepted. The engine
// with everything is tested in package jobs; this one is quick to run while the passes are worked on.
type passes struct {
	ctx context.Context
	db  *warehouse.DB
	sql strings.Builder
	// rewrite plants a fault; nil for none.
	rewrite func(evaluate.Statement) string
}

func open(t *testing.T) *passes {
	t.Helper()
	p := &passes{ctx: context.Background()}
	db, err := warehouse.Open(p.ctx, warehouse.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p.db = db
	return p
}

func (p *passes) Run(c cases.Case) (cases.Outcome, error) {
	var out cases.Outcome
	families, err := cases.Families(c)
	if err != nil {
		return out, err
	}
	deliveries, _, err := cases.Rows(c)
	if err != nil {
		return out, err
	}
	facts, _ := reference.Resolve(deliveries, cases.Currencies(families))
	if err := p.insert(facts); err != nil {
		return out, err
	}
	for _, f := range families {
		if err := p.evaluate(f, c.Horizon(), &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (p *passes) evaluate(f *program.Family, horizon pipeline.Date, out *cases.Outcome) error {
	p.sql.Reset()
	_, err := evaluate.Run(p.ctx, p.db, f, horizon, evaluate.Options{Rewrite: p.rewrite, Trace: func(s evaluate.Statement) {
		fmt.Fprintf(&p.sql, "-- %s %s\n%s;\n\n", s.Rule, s.Name, s.SQL)
	}})
	if err != nil {
		return err
	}
	var version, rule, reward, member, st, id, on string
	var us, amount int64
	return p.db.Each(p.ctx, `SELECT CAST(program_version AS VARCHAR), rule, reward, member_id, source_type, source_id, earned_us,
  CAST(earned_on AS VARCHAR), amount
FROM entitlements JOIN eval_rules USING (rule_no) JOIN eval_rewards USING (reward_no) JOIN eval_versions USING (ver)
  JOIN eval_members USING (member_no)`, nil, []any{&version, &rule, &reward, &member, &st, &id, &us, &on, &amount}, func() error {
		out.Entitlements = append(out.Entitlements, cases.Record{
			"program": f.ID, "program_version": version, "member_id": member, "rule": rule, "reward": reward,
			"amount": pipeline.Amount(amount).String(), "source_type": st, "source_id": id,
			"earned_at": cases.FormatInstant(time.UnixMicro(us)), "earned_on": on,
		})
		return nil
	})
}

func (p *passes) insert(f reference.Facts) error {
	text := func(s string) string {
		if s == "" {
			return "NULL"
		}
		return warehouse.Literal(s)
	}
	moment := func(ts *pipeline.Timestamp) string {
		switch {
		case ts == nil:
			return "NULL, NULL, NULL"
		case ts.HasOffset:
			return fmt.Sprintf("%d, %d, %d", ts.Wall, ts.Offset, ts.Form)
		}
		return fmt.Sprintf("%d, NULL, %d", ts.Wall, ts.Form)
	}
	units := func(d interface{ String() string }) string {
		return "CAST(10000 * CAST('" + d.String() + "' AS DECIMAL(30,4)) AS BIGINT)"
	}
	rows := map[string][]string{}
	add := func(table string, delivery pipeline.Date, cells ...string) {
		head := fmt.Sprintf("DATE '%s', 1, 1, 1, 1", delivery)
		rows[table] = append(rows[table], "("+head+", "+strings.Join(cells, ", ")+")")
	}
	const day = pipeline.Date(20000)
	for _, t := range f.Transactions {
		cells := []string{text(t.ID), text(t.MemberID), moment(&t.OccurredAt), units(t.Amount), text(t.Currency), text(t.StoreID), text(t.Channel), text(t.Status)}
		for _, part := range program.Parts {
			cells = append(cells, units(t.Parts[part]))
		}
		add("transactions", day, append(cells, "NULL, NULL, NULL", "NULL")...)
	}
	for _, i := range f.Items {
		add("items", day, text(i.TransactionID), text(i.LineNo), text(i.ItemID), text(i.Category), text(i.Brand), units(i.Quantity), units(i.Amount))
	}
	for _, r := range f.Returns {
		q := "NULL"
		if r.Quantity != nil {
			q = units(*r.Quantity)
		}
		cells := []string{text(r.ID), text(r.TransactionID), text(r.LineNo), units(r.Amount), q}
		for _, part := range program.Parts {
			cells = append(cells, units(r.Parts[part]))
		}
		add("returns", day, append(cells, "0, NULL, 2")...)
	}
	for _, a := range f.Activities {
		add("activities", day, text(a.ID), text(a.MemberID), text(a.Type), moment(&a.OccurredAt), text(a.Subject), text(a.Value), text(a.StoreID), text(a.Status))
	}
	for _, m := range f.Members {
		status, tags := "'active'", "NULL"
		if m.Closed {
			status = "'closed'"
		}
		if len(m.Tags) > 0 {
			tags = text(";" + strings.Join(m.Tags, ";") + ";")
		}
		birth := "NULL"
		if m.BirthDate != nil {
			birth = "DATE '" + m.BirthDate.String() + "'"
		}
		add("members", m.Delivery, text(m.ID), text(m.Tier), birth, moment(m.JoinedAt), status, tags)
	}
	for _, s := range f.Stores {
		zone := "NULL"
		if s.TimeZone != nil {
			zone = text(s.TimeZone.String())
		}
		add("stores", day, text(s.ID), zone, text(s.Region))
	}
	if f.FirstDelivery != nil {
		rows["deliveries"] = []string{fmt.Sprintf("(DATE '%s', 1, '')", *f.FirstDelivery)}
	}
	for _, table := range []string{"deliveries", "transactions", "items", "returns", "activities", "members", "stores"} {
		if _, err := p.db.Exec(p.ctx, "DELETE FROM "+table); err != nil {
			return err
		}
		if len(rows[table]) == 0 {
			continue
		}
		if _, err := p.db.Exec(p.ctx, "INSERT INTO "+table+" VALUES "+strings.Join(rows[table], ", ")); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	return nil
}

// noDouble fails if any table of the evaluation has a column that is not exact.
func (p *passes) noDouble(t *testing.T) {
	t.Helper()
	var where string
	err := p.db.Each(p.ctx, `SELECT table_name || '.' || column_name || ' ' || data_type FROM duckdb_columns()
WHERE NOT internal AND data_type IN ('DOUBLE', 'FLOAT')`, nil, []any{&where}, func() error {
		t.Errorf("%s: amounts must never pass through DOUBLE", where)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Every case worked by hand comes out of the passes.
func TestCorpusOnThePasses(t *testing.T) {
	p := open(t)
	for _, c := range corpus(t) {
		t.Run(c.Name, func(t *testing.T) {
			got, err := p.Run(c)
			if err != nil {
				t.Fatal(err)
			}
			c.Rejects = nil // the loader's
			if diff := c.Diff(got); diff != "" {
				t.Error("\n" + diff)
			}
			p.noDouble(t)
		})
	}
}

// corpus reads all cases worked by hand; their names begin with their file's.
func corpus(t *testing.T) []cases.Case {
	t.Helper()
	var out []cases.Case
	err := filepath.WalkDir("../../fixtures/cases", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		list, err := cases.ParseFile(path)
		if err != nil {
			t.Error(err)
		}
		for _, c := range list {
			c.Name = filepath.Base(path) + "/" + c.Name
			out = append(out, c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Passes and reference agree on random programs over random facts (promise P5, the part without the loader).
func TestPassesAgreeWithReference(t *testing.T) {
	first, count := 1, 150
	if n, err := strconv.Atoi(os.Getenv("ACCRUE_FUZZ_PASSES")); err == nil {
		count = n
	}
	if n, err := strconv.Atoi(os.Getenv("ACCRUE_FUZZ_FIRST")); err == nil {
		first = n
	}
	p := open(t)
	differ := func(c cases.Case) string {
		want, err := cases.Reference{}.Run(c)
		if err != nil {
			return ""
		}
		got, err := p.Run(c)
		if err != nil {
			return "the passes fail: " + err.Error()
		}
		got.Rejects, want.Rejects = nil, nil
		return cases.Compare("passes", got, "reference", want)
	}
	failed := 0
	for seed := first; seed < first+count && failed < 3; seed++ {
		c := random.New(uint64(seed))
		if differ(c) == "" {
			continue
		}
		failed++
		small := random.Shrink(c, func(c cases.Case) bool { return differ(c) != "" })
		t.Errorf("seed %d:\n%s\n%s", seed, differ(small), cases.Format(small))
	}
}
