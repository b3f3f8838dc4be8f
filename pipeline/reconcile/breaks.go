package reconcile

import (
	"fmt"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// Break is one difference. Expected and Found are decimals for grants (with the places of the reward's scale) and facts
// ("1" for a row without amount), and for files counts or digests; one of them is empty where only the other side has
// anything.
type Break struct {
	Program  string // "" for what all programs share
	Tie      Tie
	Type     string
	Key      string        // the grant id, the source and rule, the dataset and row key, or the path of a file
	Date     pipeline.Date // of posting, of the business day, or of the delivery
	Member   string
	Rule     string
	Reward   string
	Expected string
	Found    string
	What     string // in words
	FoundOn  pipeline.Date
	ClosedOn *pipeline.Date // nil while it is open
	Sources  []Source

	place string
}

// Source is a row that a break is about: an export row, a published file or folder, an acknowledgement.
type Source struct {
	File string `json:"file"`          // path below the project
	Row  int64  `json:"row,omitempty"` // counts from 1; 0 for the whole file
	ID   string `json:"id,omitempty"`  // of the row
}

// Age is how many days ago it was, as of a date; never below zero.
func (b Break) Age(asOf pipeline.Date) int { return max(0, int(asOf-b.Date)) }

// Bucket sorts an age in days.
func Bucket(days int) string {
	switch {
	case days <= 1:
		return "0-1"
	case days <= 3:
		return "2-3"
	case days <= 7:
		return "4-7"
	case days <= 30:
		return "8-30"
	}
	return "30+"
}

// Buckets lists the buckets of age, the youngest first.
var Buckets = []string{"0-1", "2-3", "4-7", "8-30", "30+"}

// same is the condition that two breaks are one and the same.
const same = `b.program = n.program AND b.tie = n.tie AND b.type = n.type AND b.key = n.key
	AND coalesce(b.member_id, '') = coalesce(n.member_id, '') AND coalesce(b.reward, '') = coalesce(n.reward, '')`

// Keep notes the breaks in the warehouse, in one transaction: new ones are opened, those that are still there keep the
// date as of which they were first seen, and those of the scope that are gone are closed.
//
// It returns how many were closed. Summarise must follow.
func (w *Work) Keep() (closed int64, err error) {
	if err := w.sources(); err != nil {
		return 0, err
	}
	shown, err := w.shown()
	if err != nil {
		return 0, err
	}
	asOf := dateSQL(w.scope.AsOf)
	ties := []string{"''"}
	for _, t := range Ties {
		if w.held[t] {
			ties = append(ties, warehouse.Literal(string(t)))
		}
	}
	scope := fmt.Sprintf("b.tie IN (%s) AND %s", strings.Join(ties, ", "), w.during("b.dated"))
	if w.scope.Program != "" {
		scope += fmt.Sprintf(" AND (b.program = %s OR b.program = '')", warehouse.Literal(w.scope.Program))
	}
	err = w.db.Tx(w.ctx, func() error {
		var err error
		if closed, err = w.db.Exec(w.ctx, fmt.Sprintf("UPDATE breaks AS b SET closed_on = %s WHERE closed_on IS NULL AND %s AND NOT EXISTS (SELECT 1 FROM recon.breaks n WHERE %s)",
			asOf, scope, same)); err != nil {
			return fmt.Errorf("reconciling the history of breaks: %w", err)
		}
		return w.run("the history of breaks",
			"UPDATE breaks AS b SET expected = n.expected, found = n.found, what = n.what, sources = n.sources, rule = n.rule FROM "+shown+" n WHERE b.closed_on IS NULL AND "+same,
			fmt.Sprintf(`INSERT INTO breaks (program, tie, type, key, dated, member_id, rule, reward, expected, found, what, sources, found_on)
				SELECT program, tie, type, key, dated, member_id, rule, reward, expected, found, what, sources, %s FROM %s n
				WHERE NOT EXISTS (SELECT 1 FROM breaks b WHERE b.closed_on IS NULL AND %s)`, asOf, shown, same),
			fmt.Sprintf(`INSERT INTO reconciliations SELECT CAST(%s AS DATE), CAST(%s AS DATE), CAST(%s AS DATE), %s,
				(SELECT coalesce(max(number), 0) + 1 FROM reconciliations), NULL`,
				asOf, dateSQL(w.scope.From), dateSQL(w.scope.To), warehouse.Literal(w.scope.Program)))
	})
	return closed, err
}

// Summarise notes the summary of what Keep has noted.
func (w *Work) Summarise(summary string) error {
	_, err := w.db.Exec(w.ctx, "UPDATE reconciliations SET summary = ? WHERE number = (SELECT max(number) FROM reconciliations)", summary)
	return err
}

// sources finds the rows behind the breaks. In the text file, row and id of each are parted by NUL, which none of them
// can hold.
func (w *Work) sources() error {
	return w.run("the rows behind the breaks", `CREATE OR REPLACE TEMP TABLE recon_sources AS
		SELECT b.rowid AS spot, concat_ws(chr(0),
			CASE WHEN b.place IS NOT NULL THEN concat(b.place, chr(0), b.place_row, chr(0), '') END,
			CASE WHEN a.name IS NOT NULL THEN concat('acks/', a.name, chr(0), b.ack_row, chr(0), '') END,
			CASE WHEN f.name IS NOT NULL AND b.tie <> '`+string(Facts)+`' THEN concat('exports/date=', f.delivery, '/', f.name, chr(0), s.row_no, chr(0), b.source_id) END
		) AS sources
		FROM recon.breaks b
		LEFT JOIN ack_files a ON a.file_id = b.ack_file
		LEFT JOIN (
			SELECT 'transaction' AS source_type, transaction_id AS source_id, file_id, row_no FROM transactions
			UNION ALL SELECT 'activity', activity_id, file_id, row_no FROM activities
		) s ON s.source_id = b.source_id AND s.source_type = b.source_type
		LEFT JOIN files f ON f.file_id = s.file_id`,
		"UPDATE recon.breaks AS b SET sources = s.sources FROM recon_sources s WHERE s.spot = b.rowid",
		"DROP TABLE recon_sources")
}

// Filter picks breaks of the history.
type Filter struct {
	Program  string
	From, To pipeline.Date
	Closed   bool // those that are closed too
	Limit    int  // 0 for all
}

func (f Filter) where() string {
	out := "dated BETWEEN " + dateSQL(f.From) + " AND " + dateSQL(f.To)
	if !f.Closed {
		out += " AND closed_on IS NULL"
	}
	if f.Program != "" {
		out += " AND (program = '' OR program = " + warehouse.Literal(f.Program) + ")"
	}
	return out
}

// tieOrder is SQL for the place of a tie.
func tieOrder() string {
	out := "CASE tie"
	for i, t := range Ties {
		out += fmt.Sprintf(" WHEN '%s' THEN %d", t, i)
	}
	return out + " END"
}
