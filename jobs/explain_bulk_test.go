package jobs

import (
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/fixtures/random"
	"accrue/pipeline"
	"accrue/pipeline/cases"
	"accrue/pipeline/explain"
	"accrue/pipeline/program"
	"accrue/schemas"
)

// bulkSeeds is how many random cases are explained in bulk.
const bulkSeeds = 20

// decisionsOf explains all dates of a program in bulk, as two ranges that meet, members one by one, and returns what pays
// and the sums that Bulk reports.
func decisionsOf(t *testing.T, e *FastCaseEngine, fam *program.Family, horizon, middle pipeline.Date) map[string]string {
	t.Helper()
	column := map[string]int{}
	for i, f := range schemas.DecisionFields() {
		column[f.Name] = i
	}
	out, sums := map[string]string{}, map[string]*big.Int{}
	for _, span := range []program.Span{{From: pipeline.MinDate, Until: middle}, {From: middle + 1, Until: pipeline.MaxDate}} {
		owed := map[string]*big.Int{}
		res, err := explain.Bulk(t.Context(), e.db, fam,
			explain.BulkOptions{Horizon: horizon, From: span.From, Until: span.Until, ChunkRows: 1},
			func(row []any) error {
				text := func(name string) string { s, _ := row[column[name]].(string); return s }
				if on := row[column["earned_on"]].(pipeline.Date); !span.Contains(on) {
					t.Errorf("%s of %s lies on %s, outside %s to %s", text("rule"), text("source_id"), on, span.From, span.Until)
				}
				amount := row[column["amount"]].(*big.Int)
				if (amount.Sign() > 0) != (text("reason") == "") || amount.Sign() < 0 {
					t.Errorf("%s of %s: amount %s and reason %q", text("rule"), text("source_id"), amount, text("reason"))
				}
				k := text("rule") + " " + text("reward")
				if owed[k] == nil {
					owed[k] = new(big.Int)
				}
				owed[k].Add(owed[k], amount)
				if amount.Sign() > 0 {
					key := strings.Join([]string{text("member_id"), text("source_type"), text("source_id"), k}, " ")
					if out[key] != "" {
						t.Errorf("%s comes twice", key)
					}
					out[key] = amount.String()
				}
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range res.Rules {
			if got := owed[r.Rule+" "+r.Reward]; r.Owed.Shift(pipeline.AmountPlaces).BigInt().Cmp(got) != 0 {
				t.Errorf("rule %s: the rows add up to %s ten-thousandths, the total says %s", r.Rule, got, r.Owed)
			}
		}
		for k, n := range owed {
			sums[k] = n
		}
	}
	return out
}

// What is explained in bulk is what is owed, to the last digit: for random programs, every source, rule and reward that
// pays in the file is an entitlement of the passes, and every entitlement is in the file. Chunks are as small as they
// can be, and two ranges of dates together are the whole.
func TestBulkTiesToEntitlements(t *testing.T) {
	t.Parallel()
	fast, err := NewFastCaseEngine(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := fast.Close(); err != nil {
			t.Error(err)
		}
	}()
	pays := 0
	for seed := range uint64(bulkSeeds) {
		c := random.New(2_000_000 + seed)
		out, err := passesEngine{fast}.Run(c)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		families, err := cases.Families(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, fam := range families {
			want := map[string]string{}
			for _, r := range out.Entitlements {
				if r["program"] == fam.ID {
					a, err := parseAmount(r["amount"])
					if err != nil {
						t.Fatal(err)
					}
					want[strings.Join([]string{r["member_id"], r["source_type"], r["source_id"], r["rule"], r["reward"]}, " ")] = big.NewInt(int64(a)).String()
				}
			}
			pays += len(want)
			got := decisionsOf(t, fast, fam, c.Horizon(), c.Horizon()-10)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: -owed +explained\n%s\n%s", seed, diff, cases.Format(c))
			}
		}
	}
	if pays < bulkSeeds {
		t.Errorf("only %d entitlements in %d cases: the data proves little", pays, bulkSeeds)
	}
}

// The forms of the file say the same, the file appears whole or not at all, and what was there before a failure stays.
func TestExplainRangeFiles(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	run(t, p, nights...)
	r := reader(t, p)
	dir := t.TempDir()
	o := BulkExplainOptions{From: day(t, "2026-11-20"), Until: day(t, "2026-11-21")}
	rows := map[string]string{}
	for _, name := range []string{"why.parquet", "why.csv", "why.ndjson"} {
		o.Out = filepath.Join(dir, name)
		out, err := r.ExplainRange(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		from := "'" + o.Out + "'"
		if strings.HasSuffix(name, "csv") {
			from = "read_csv('" + o.Out + "', all_varchar = true)"
		}
		var texts []string
		var text string
		if err := r.db.Each(t.Context(), `SELECT concat_ws('|', rule, source_id, CAST(earned_on AS VARCHAR), CAST(amount AS DECIMAL(19, 4)),
			CAST(after_times AS DECIMAL(19, 4)), reason, why) FROM `+from, nil, []any{&text}, func() error {
			texts = append(texts, text)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if int64(len(texts)) != out.Programs[0].Decisions || len(texts) < 150 {
			t.Errorf("%s has %d rows, %d decisions", name, len(texts), out.Programs[0].Decisions)
		}
		rows[name] = strings.Join(texts, "\n")
	}
	if rows["why.csv"] != rows["why.parquet"] || rows["why.ndjson"] != rows["why.parquet"] {
		t.Errorf("the forms differ:\n%s\n%s", cmp.Diff(rows["why.parquet"], rows["why.csv"]), cmp.Diff(rows["why.parquet"], rows["why.ndjson"]))
	}
	// 40 spent by dev at 09:00 is nothing; the fourth visit of the day had earned 10 before the times limit took it.
	for _, want := range []string{
		"visit|TX-1012|2026-11-20|0.0000|0.0000|times_limit:per_day|per_day: 4th, 2 allowed; before it came TX-1010, TX-1018 and TX-1011",
		"base|TX-1007|2026-11-20|500.0000|500.0000",
		"base|TX-1009|2026-11-20|0.0000|rounds_to_zero|floor(80 / 100) × 1 = 0 (tier silver)",
	} {
		if !strings.Contains("\n"+rows["why.parquet"]+"\n", "\n"+want+"\n") {
			t.Errorf("the file lacks %s", want)
		}
	}
	before, err := os.ReadFile(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []BulkExplainOptions{
		{From: o.Until, Until: o.From, Out: o.Out}, {From: o.From, Until: o.Until, Out: filepath.Join(dir, "why.xlsx")},
		{From: o.From, Until: o.Until, Out: filepath.Join(dir, "no", "why.csv")}, {From: o.From, Until: o.Until, Out: dir},
	} {
		if _, err := r.ExplainRange(t.Context(), bad); err == nil {
			t.Errorf("%+v was written", bad)
		}
	}
	after, err := os.ReadFile(o.Out)
	if err != nil || string(before) != string(after) {
		t.Errorf("the file from before was changed: %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "why.xlsx")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("why.xlsx: %v", err)
	}
}
