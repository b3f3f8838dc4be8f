package cases

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"github.com/shopspring/decimal"

	"accrue/pipeline"
)

// forEachCase runs a test for every case worked by hand.
func forEachCase(t *testing.T, test func(*testing.T, Case)) {
	t.Helper()
	const root = "../../fixtures/cases"
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		list, err := ParseFile(path)
		if err != nil {
			t.Error(err)
		}
		for _, c := range list {
			t.Run(filepath.Base(path)+"/"+c.Name, func(t *testing.T) { test(t, c) })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Every case worked by hand comes out on the reference.
func TestCorpusOnTheReference(t *testing.T) {
	forEachCase(t, func(t *testing.T, c Case) {
		outcome, err := Reference{}.Run(c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := c.Diff(outcome); diff != "" {
			t.Error("\n" + diff)
		}
	})
}

// posted are the differences between what was owed after the runs before and what is owed after each, by the date of
// the run: the part of a ledger that follows from entitlements alone.
func posted(t *testing.T, c Case) map[pipeline.Date][]Record {
	t.Helper()
	key := []string{"program", "member_id", "rule", "reward", "source_type", "source_id"}
	out := map[pipeline.Date][]Record{}
	ledger := map[string]decimal.Decimal{}
	for i := range c.Run {
		upTo := c
		upTo.Run = c.Run[:i+1]
		outcome, err := Reference{}.Run(upTo)
		if err != nil {
			t.Fatal(err)
		}
		owed := map[string]Record{}
		for _, e := range outcome.Entitlements {
			owed[rowKey(key, e)] = e
		}
		for k := range ledger {
			if owed[k] == nil {
				r := Record{"amount": "0"}
				for j, cell := range strings.Split(k, "\x00") {
					r[key[j]] = cell
				}
				owed[k] = r
			}
		}
		for k, e := range owed {
			amount := decimal.RequireFromString(e["amount"])
			if change := amount.Sub(ledger[k]); !change.IsZero() {
				e["amount"], e["posted_on"] = change.String(), c.Run[i].String()
				out[c.Run[i]] = append(out[c.Run[i]], e)
			}
			ledger[k] = amount
		}
	}
	return out
}

// The grants that cases expect are the differences between what is owed after one run and after the next, as far as
// columns go that follow from entitlements alone.
func TestGrantsOfTheCorpusAreDifferences(t *testing.T) {
	follows := []string{"program", "member_id", "rule", "reward", "amount", "source_type", "source_id", "posted_on"}
	compared := 0
	forEachCase(t, func(t *testing.T, c Case) {
		if c.Grants == nil {
			return
		}
		got := posted(t, c)
		only := Case{Name: c.Name, File: c.File, Line: c.Line, Grants: map[pipeline.Date]*Table{}}
		for d, table := range c.Grants {
			less := &Table{Line: table.Line}
			for _, column := range follows {
				if slices.Contains(table.Columns, column) {
					less.Columns = append(less.Columns, column)
				}
			}
			for _, row := range table.Rows {
				var cells []string
				for _, column := range less.Columns {
					cells = append(cells, table.record(row)[column])
				}
				less.Rows = append(less.Rows, TableRow{Cells: cells, Line: row.Line})
			}
			if len(less.Columns) == 0 { // a table of dates alone
				return
			}
			only.Grants[d] = less
			compared++
		}
		if diff := only.Diff(Outcome{Grants: got}); diff != "" {
			t.Error("\n" + diff)
		}
	})
	if compared == 0 {
		t.Error("no case expects grants")
	}
}
