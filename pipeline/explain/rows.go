package explain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// OtherRow is a row of a delivery that names a source and does not hold.
type OtherRow struct {
	Place
	Dataset string
	State   string // superseded, duplicate or rejected
	What    string // what a superseded row said otherwise, or why the row was rejected
}

// String says where the row stands and what became of it.
func (r OtherRow) String() string {
	place := fmt.Sprintf("date=%s/%s, row %d", r.Delivery, r.File, r.Row)
	switch r.State {
	case "superseded":
		return fmt.Sprintf("instead of %s: %s", place, r.What)
	case "duplicate":
		return fmt.Sprintf("%s says the same", place)
	}
	return fmt.Sprintf("%s was rejected and says nothing: %s", place, r.What)
}

// near is how many ids are suggested, and how many rejected or waiting rows are named.
const near = 3

// others finds the rows that a later one superseded or repeated, and the rejected ones.
func (s *Source) others(ctx context.Context, db *warehouse.DB) error {
	query, table, datasets := purchaseQuery, "transactions", []string{"transactions", "items", "returns"}
	if s.Type == pipeline.SourceActivity {
		query, table, datasets = activityQuery, "activities", []string{"activities"}
	}
	if err := s.rows(ctx, db, query, table+"_history", func(r row) error {
		o := OtherRow{Place: r.Place, Dataset: table, State: r.state}
		if said := differences(r.facts, s.Facts); len(said) > 0 {
			o.What = "it said " + strings.Join(said, ", ")
		}
		s.Others = append(s.Others, o)
		return nil
	}); err != nil {
		return err
	}
	rejected, err := rejectedRows(ctx, db, datasets, s.ID)
	s.Others = append(s.Others, rejected...)
	return err
}

// differences are the facts of a row that do not hold any more.
func differences(old, now []Fact) []string {
	var out []string
	for _, f := range old {
		if !slices.Contains(now, f) {
			out = append(out, f.Name+" "+f.Value)
		}
	}
	for _, f := range now {
		if !slices.ContainsFunc(old, func(o Fact) bool { return o.Name == f.Name }) {
			out = append(out, "no "+f.Name)
		}
	}
	return out
}

// rejectedRows finds rejected rows that name an id, a few of them.
func rejectedRows(ctx context.Context, db *warehouse.DB, datasets []string, id string) ([]OtherRow, error) {
	var out []OtherRow
	o := OtherRow{State: "rejected"}
	var detail, raw string
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(datasets)), ", ")
	args := []any{}
	for _, d := range datasets {
		args = append(args, d)
	}
	err := db.Each(ctx, `SELECT CAST(r.delivery AS VARCHAR), f.name, r.row_no, r.dataset, r.reason, coalesce(r.detail, ''),
		coalesce(r.raw, '') FROM rejects r JOIN files f ON f.file_id = r.file_id
		WHERE r.dataset IN (`+marks+`) AND contains(r.raw, ?) ORDER BY r.delivery, f.name, r.row_no`, append(args, id),
		[]any{&o.Delivery, &o.File, &o.Row, &o.Dataset, &o.What, &detail, &raw}, func() error {
			if len(out) == near || !names(raw, id) {
				return nil
			}
			if detail != "" {
				o.What += " (" + detail + ")"
			}
			out = append(out, o)
			return nil
		})
	return out, err
}

// names reports whether the text of a row has the id as a whole cell.
func names(raw, id string) bool {
	const edges = ",;|\t\r\n\" "
	for from := 0; ; {
		i := strings.Index(raw[from:], id)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(id)
		if (start == 0 || strings.IndexByte(edges, raw[start-1]) >= 0) &&
			(end == len(raw) || strings.IndexByte(edges, raw[end]) >= 0) {
			return true
		}
		from = start + 1
	}
}

// fromLedger fills in a source that no row holds any more from what was granted for it. The error is a
// *NotFoundError where the ledger does not know it either.
func (s *Source) fromLedger(ctx context.Context, db *warehouse.DB) error {
	found := false
	holding, err := db.Holding(ctx, "source_id", schemas.SourceHash, s.ID)
	if err != nil {
		return err
	}
	if err := db.Each(ctx, "SELECT member_id FROM ledger WHERE source_type = ? AND "+holding+" ORDER BY posted_on, seq, n",
		[]any{string(s.Type)}, []any{&s.Member}, func() error {
			found = true
			return nil
		}); err != nil || found {
		return err
	}
	return missing(ctx, db, string(s.Type), s.ID)
}
