package emit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// shop is a warehouse in memory with a grants folder, whose differences are written by hand.
type shop struct {
	t      *testing.T
	db     *warehouse.DB
	grants string
	req    Request
}

const day = "2026-11-20"

func newShop(t *testing.T, opts ...func(*warehouse.Options)) *shop {
	t.Helper()
	o := warehouse.Options{Threads: 2}
	for _, fn := range opts {
		fn(&o)
	}
	db, err := warehouse.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := &shop{t: t, db: db, grants: filepath.Join(t.TempDir(), "grants")}
	s.req = Request{
		GrantsDir: s.grants, Program: "p", PostedOn: mustDate(day), Seq: 1, Run: "run-" + day + "-001",
		Versions: []schemas.ManifestVersion{{Version: 1, EffectiveFrom: "2026-01-01", File: "p.yaml", SHA256: "aa"}},
		Scales:   map[string]int{"points": 0, "cashback": 2},
	}
	s.exec("CREATE TEMP TABLE difference AS SELECT * EXCLUDE (source_hash, member_hash), 0 AS member_no FROM ledger WHERE FALSE")
	s.exec("CREATE TEMP VIEW difference_members AS SELECT member_no AS place FROM difference")
	return s
}

func mustDate(s string) pipeline.Date {
	d, err := pipeline.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func (s *shop) exec(query string, args ...any) {
	s.t.Helper()
	if _, err := s.db.Exec(context.Background(), query, args...); err != nil {
		s.t.Fatalf("%v\n%s", err, query)
	}
}

// row is a row of a difference: amount in ten-thousandths, earned is added to midnight of 20 November in microseconds.
type row struct {
	member, rule, source string
	n                    int
	amount               int64
	kind, reason         string
	earned               int64
	reward               string
}

const midnight = 1795132800_000000 // 2026-11-20T00:00Z

// differ replaces the difference. Points expire, everything else does not.
func (s *shop) differ(rows ...row) {
	s.t.Helper()
	s.exec("DELETE FROM difference")
	for _, r := range rows {
		if r.reward == "" {
			r.reward = "points"
		}
		if r.kind == "" {
			r.kind = "accrual"
		}
		if r.n == 0 {
			r.n = 1
		}
		s.exec(`INSERT INTO difference SELECT 'p', 1, ?, ?, ?, CAST(? AS BIGINT), ?, 'transaction', ?, ?, CAST(? AS BIGINT),
			DATE '2026-11-20', CAST(? AS DATE), DATE '2026-12-04', CASE WHEN ? = 'points' THEN DATE '2027-11-20' END, ?,
			CAST(? AS INTEGER), 0`,
			r.member, r.rule, r.reward, r.amount, r.kind, r.source, r.n, midnight+r.earned, s.req.PostedOn.String(), r.reward,
			r.reason, s.req.Seq)
	}
	s.exec(`UPDATE difference SET member_no = m.place
		FROM (SELECT member_id, row_number() OVER (ORDER BY member_id) AS place FROM (SELECT DISTINCT member_id FROM difference)) m
		WHERE m.member_id = difference.member_id`)
	s.expect()
}

// expect makes the request expect what the difference holds.
func (s *shop) expect() {
	s.t.Helper()
	fig, err := fromDifference(s.db, "p", s.req.PostedOn).figures(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	s.req.Expected = fig.totals
}

// commit posts the difference, stages and records it, as a run does. It returns what Stage returned.
func (s *shop) commit() (staged *Staged, err error) {
	s.t.Helper()
	ctx := context.Background()
	if s.req.Previous, err = LastManifest(ctx, s.db, "p"); err != nil {
		s.t.Fatal(err)
	}
	err = s.db.Tx(ctx, func() (err error) {
		s.exec("INSERT INTO ledger BY NAME SELECT * EXCLUDE (member_no) FROM difference")
		if staged, err = Stage(ctx, s.db, s.req); err != nil {
			return err
		}
		return staged.Record(ctx, s.db)
	})
	return staged, err
}

// publish takes a difference all the way.
func (s *shop) publish(rows ...row) *Staged {
	s.t.Helper()
	s.differ(rows...)
	staged, err := s.commit()
	if err == nil {
		err = staged.Publish(context.Background(), s.db)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return staged
}

// files returns everything below the grants folder, path to content.
func (s *shop) files() map[string]string {
	s.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(s.grants, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(s.grants, path)
		out[rel] = string(text)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return out
}

func (s *shop) read(name string) string {
	s.t.Helper()
	text, ok := s.files()[name]
	if !ok {
		s.t.Fatalf("%s is not there", name)
	}
	return text
}

// state returns the state of each publication, by place.
func (s *shop) state() string {
	s.t.Helper()
	all, err := publications(context.Background(), s.db, "")
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, p := range all {
		out = append(out, fmt.Sprintf("%s %s", p.place, p.state))
	}
	return strings.Join(out, "; ")
}

// someRows are two members' grants in all kinds, with an id that needs care, in no particular order.
func someRows() []row {
	return []row{
		{member: "m2", rule: "base", source: "t9", amount: 30_000, earned: 5},
		{member: "m1", rule: "cash", source: "t1", amount: 33_300, reward: "cashback"},
		{member: "m1", rule: "base", source: "t1", amount: 50_000},
		{member: "m1", rule: "base", source: "t0", n: 2, amount: -10_000, kind: "reversal", reason: "returned", earned: 1_000_000},
		{member: "m,1", rule: "base", source: `a/b "%"`, n: 3, amount: 20_000, kind: "adjustment", reason: "corrected", earned: -1},
	}
}
