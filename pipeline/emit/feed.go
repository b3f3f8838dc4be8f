package emit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// feed reads ledger-shaped rows out of the warehouse in the order of grant files. A row comes as one text, because
// each value that crosses from DuckDB costs more than making it there; NUL, which no delivery can hold, parts it.
//
// Rows are taken in slices of members, each sorted by itself: the driver keeps a whole result in memory, and the
// sorts stay small. DuckDB sorts by two numbers only; the few rows of one member and instant are put in order here,
// by their grant ids.
type feed struct {
	db       *warehouse.DB
	from     string // relation and WHERE clause; has the ledger's columns and member_no
	span     string // query for the least and the greatest member_no that there can be
	args     []any
	program  string
	postedOn pipeline.Date
	slice    int64 // rows of a slice, about
}

// sliceRows bounds what is in memory at once, some 250 bytes a row; every slice looks at all rows to find its own.
const sliceRows = 4_000_000

// batchRows cross from the reading goroutine to the writing one at once.
const batchRows = 8192

const feedColumns = `concat(member_id, chr(0), rule, chr(0), reward, chr(0), source_type, chr(0), source_id, chr(0),
	kind, chr(0), reason, chr(0), program_version, chr(0), n, chr(0), amount, chr(0), earned_us, chr(0),
	earned_on - DATE '1970-01-01', chr(0), available_on - DATE '1970-01-01', chr(0),
	expires_on - DATE '1970-01-01') AS line`

const feedFields = 14

// fromDifference feeds what is to be posted to a date.
func fromDifference(db *warehouse.DB, program string, postedOn pipeline.Date) *feed {
	return &feed{db: db, from: "difference WHERE posted_on = CAST(? AS DATE)", args: []any{postedOn.String()},
		span: "SELECT min(place), max(place) FROM difference_members", program: program, postedOn: postedOn, slice: sliceRows}
}

// fromLedger feeds what was posted by a publication.
func fromLedger(ctx context.Context, db *warehouse.DB, program string, postedOn pipeline.Date, seq int) (*feed, error) {
	args := []any{program, postedOn.String(), seq}
	const where = "WHERE program = ? AND posted_on = CAST(? AS DATE) AND seq = ?"
	for _, s := range []string{
		"CREATE OR REPLACE TEMP TABLE emit_members (member_id VARCHAR, member_no INTEGER)",
		`INSERT INTO emit_members SELECT member_id, row_number() OVER (ORDER BY member_id)
			FROM (SELECT DISTINCT member_id FROM ledger ` + where + ")",
	} {
		if strings.Contains(s, "?") {
			_, err := db.Exec(ctx, s, args...)
			if err != nil {
				return nil, fmt.Errorf("reading the ledger: %w", err)
			}
			continue
		}
		if _, err := db.Exec(ctx, s); err != nil {
			return nil, fmt.Errorf("reading the ledger: %w", err)
		}
	}
	return &feed{db: db, from: "ledger JOIN emit_members USING (member_id) " + where, args: args,
		span: "SELECT min(member_no), max(member_no) FROM emit_members", program: program, postedOn: postedOn, slice: sliceRows}, nil
}

// figures are what SQL says of the rows of a feed.
type figures struct {
	totals pipeline.Totals
	places map[string]int // decimal places that the amounts of a reward need
}

func (f *feed) figures(ctx context.Context) (*figures, error) {
	out := &figures{places: map[string]int{}}
	var reward, kind, sum string
	var rows int64
	var places int
	err := f.db.Each(ctx, `SELECT reward, kind, count(*), CAST(sum(amount) AS VARCHAR),
			CASE WHEN bool_or(amount % 10 <> 0) THEN 4 WHEN bool_or(amount % 100 <> 0) THEN 3
				WHEN bool_or(amount % 1000 <> 0) THEN 2 WHEN bool_or(amount % 10000 <> 0) THEN 1 ELSE 0 END
		FROM `+f.from+" GROUP BY ALL", f.args, []any{&reward, &kind, &rows, &sum, &places}, func() error {
		amount, err := pipeline.ParseSum(sum)
		if err != nil {
			return err
		}
		out.totals.Add(reward, pipeline.GrantKind(kind), rows, amount)
		out.places[reward] = max(out.places[reward], places)
		return nil
	})
	return out, err
}

// each calls fn with every grant in the order of grant files. The Grant is used again for the next one; its texts may
// be kept.
func (f *feed) each(ctx context.Context, rows int64, fn func(*pipeline.Grant) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan []string, 4)
	read := make(chan error, 1)
	go func() {
		defer close(batches)
		read <- f.read(ctx, rows, batches)
	}()
	o := &orderer{feed: f, fn: fn}
	err := o.run(batches)
	if err != nil {
		cancel()
		for range batches { // lets the reader come to its end
		}
	}
	// The reader was cancelled where writing failed: what it says then is of no interest.
	if rerr := <-read; err == nil {
		err = rerr
	}
	return err
}

// read sends the texts of all rows, slice by slice.
func (f *feed) read(ctx context.Context, rows int64, out chan<- []string) error {
	if rows <= f.slice {
		return f.readSlice(ctx, "", nil, out)
	}
	var low, high int64
	if err := f.db.QueryRow(ctx, f.span).Scan(&low, &high); err != nil {
		return err
	}
	slices := int64(math.Ceil(float64(rows) / float64(f.slice)))
	width := (high-low)/slices + 1
	for ; low <= high; low += width {
		if err := f.readSlice(ctx, " AND member_no >= ? AND member_no < ?", []any{low, low + width}, out); err != nil {
			return err
		}
	}
	return nil
}

func (f *feed) readSlice(ctx context.Context, and string, args []any, out chan<- []string) error {
	rows, err := f.db.Query(ctx, "SELECT "+feedColumns+" FROM "+f.from+and+" ORDER BY member_no, earned_us",
		append(append([]any{}, f.args...), args...)...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	batch := make([]string, 0, batchRows)
	send := func() error {
		select {
		case out <- batch:
			batch = make([]string, 0, batchRows)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for rows.Next() {
		batch = append(batch, "")
		if err := rows.Scan(&batch[len(batch)-1]); err != nil {
			return err
		}
		if len(batch) == batchRows {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	return send()
}

// orderer puts the rows of one member and instant in the order of their grant ids.
type orderer struct {
	feed *feed
	fn   func(*pipeline.Grant) error
	id   []byte
	tied []pipeline.Grant // rows of the member and instant that is being read; reused
	n    int              // of them in use
}

func (o *orderer) run(batches <-chan []string) error {
	for batch := range batches {
		for _, line := range batch {
			if o.n == len(o.tied) {
				o.tied = append(o.tied, pipeline.Grant{})
			}
			g := &o.tied[o.n]
			if err := o.decode(line, g); err != nil {
				return err
			}
			if first := &o.tied[0]; o.n > 0 && (g.EarnedUS != first.EarnedUS || g.MemberID != first.MemberID) {
				next := *g
				if err := o.flush(); err != nil {
					return err
				}
				o.tied[0] = next
			}
			o.n++
		}
	}
	return o.flush()
}

func (o *orderer) flush() error {
	tied := o.tied[:o.n]
	o.n = 0
	if len(tied) > 1 {
		sort.Slice(tied, func(i, j int) bool { return tied[i].GrantID < tied[j].GrantID })
	}
	for i := range tied {
		if err := o.fn(&tied[i]); err != nil {
			return err
		}
	}
	return nil
}

// decode reads a feed line.
func (o *orderer) decode(line string, g *pipeline.Grant) error {
	var field [feedFields]string
	rest := line
	for i := range feedFields - 1 {
		at := strings.IndexByte(rest, 0)
		if at < 0 {
			return fmt.Errorf("a row of the ledger has %d fields, want %d: %q", i+1, feedFields, line)
		}
		field[i], rest = rest[:at], rest[at+1:]
	}
	field[feedFields-1] = rest
	var number [feedFields]int64
	for i := 7; i < feedFields; i++ {
		var err error
		if number[i], err = parseWhole(field[i]); err != nil && (i < feedFields-1 || field[i] != "") {
			return fmt.Errorf("a row of the ledger has %q for a number: %q", field[i], line)
		}
	}
	*g = pipeline.Grant{
		Program: o.feed.program, MemberID: field[0], Rule: field[1], Reward: field[2], SourceType: field[3],
		SourceID: field[4], Kind: field[5], Reason: field[6], ProgramVersion: int32(number[7]),
		Amount: pipeline.Amount(number[9]), EarnedUS: number[10], EarnedOn: pipeline.Date(number[11]),
		PostedOn: o.feed.postedOn, AvailableOn: pipeline.Date(number[12]), ExpiresOn: pipeline.Date(number[13]),
		Expires: field[13] != "",
	}
	o.id = appendGrantID(o.id[:0], g, number[8])
	g.GrantID = string(o.id)
	return checkYears(g)
}
