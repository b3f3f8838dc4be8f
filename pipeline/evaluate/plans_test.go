package evaluate_test

import (
	"context"
	"testing"

	"accrue/fixtures/plans"
	"accrue/fixtures/random"
	"accrue/pipeline/cases"
	"accrue/pipeline/warehouse"
)

// No pass of a random program, nor what is counted for the funnel, holds every row of one side of a join against every
// row of the other.
func TestNoPassIsQuadratic(t *testing.T) {
	seen, name := 0, ""
	db, err := warehouse.Open(t.Context(), warehouse.Options{Threads: 2, Trace: func(db *warehouse.DB, query string, args []any) {
		if !plans.Explains(query) {
			return
		}
		seen++
		if err := plans.Sound(t.Context(), db, query, args...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p := &passes{ctx: context.Background(), db: db}
	for seed := uint64(5_000_000); seed < 5_000_040; seed++ {
		c := random.New(seed)
		if _, err := (cases.Reference{}).Run(c); err != nil {
			continue
		}
		name = c.Name
		if _, err := p.Run(c); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.funnels(c, c.Horizon()-10, c.Horizon()); err != nil {
			t.Fatal(err)
		}
	}
	if seen < 100 {
		t.Errorf("only %d statements were looked at", seen)
	}
}
