package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/emit"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// States of a closing in the run history.
const (
	RunClosed   = "closed"
	RunReopened = "reopened"
)

// CloseOptions are the arguments of a closing.
type CloseOptions struct {
	// Through is the last closed date from now on; nil, which needs Reopen, opens everything.
	Through *pipeline.Date
	// Program is the only one to close; "" for all that were ever run.
	Program string
	// Reopen allows Through to lie before the date through which the program is closed.
	Reopen  bool
	Wait    time.Duration
	Step    func(name string)
	Command string
}

// Steps of a closing.
const (
	stepCloseCommit  = "close.commit"  // the closing is committed
	stepClosePublish = "close.publish" // its file is written
)

// Close closes a period of programs: nothing is posted to a date up to the last closed one any more. It returns the
// closings that were noted, none where everything was as asked for already. Either all programs are closed or none.
func Close(ctx context.Context, p *Project, o CloseOptions) (done []schemas.Closing, err error) {
	c, err := newCrash(o.Step)
	if err != nil {
		return nil, err
	}
	if o.Command == "" {
		o.Command = commandLine()
	}
	l, err := lockWarehouse(ctx, p.warehouseDir(), o.Command, true, o.Wait)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.release()) }()
	db, err := p.openWarehouse(ctx, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	signer, err := p.signer()
	if err != nil {
		return nil, err
	}
	if _, err := emit.Recover(ctx, db, p.grantsDir(), emit.Options{Step: c.pass, Signer: signer, Verify: p.verifier()}); err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	err = db.Tx(ctx, func() error {
		if done, err = closings(ctx, db, o, now); err != nil {
			return err
		}
		for _, d := range done {
			if err := writeClosing(ctx, db, d, now); err != nil {
				return err
			}
		}
		c.pass(stepCloseCommit)
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.pass(stepClosePublish)
	return done, emit.PublishClosings(ctx, db, p.grantsDir())
}

// closings works out what is to be noted, or says why it cannot be.
func closings(ctx context.Context, db *warehouse.DB, o CloseOptions, now time.Time) ([]schemas.Closing, error) {
	type state struct {
		horizon string
		n       int
		closed  string
	}
	states := map[string]state{}
	var ids []string
	var id string
	var st state
	if err := db.Each(ctx, `SELECT h.program, CAST(max(h.horizon) AS VARCHAR), coalesce(max(c.n), 0),
			coalesce(CAST(arg_max(coalesce(CAST(c.closed_through AS VARCHAR), ''), c.n) AS VARCHAR), '')
		FROM horizons h LEFT JOIN closings c ON c.program = h.program GROUP BY h.program ORDER BY h.program`, nil,
		[]any{&id, &st.horizon, &st.n, &st.closed}, func() error {
			if o.Program == "" || o.Program == id {
				states[id] = st
				ids = append(ids, id)
			}
			return nil
		}); err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		what := "nothing was ever run"
		if o.Program != "" {
			what = fmt.Sprintf("program %s was never run", o.Program)
		}
		return nil, &hintError{error: errors.New(what + ": there is nothing to close"), class: Refused, hint: "`accrue run` comes first"}
	}
	through := ""
	if o.Through != nil {
		through = o.Through.String()
	}
	var out []schemas.Closing
	var faults []string
	for _, id := range ids {
		st := states[id]
		act := schemas.ActClose
		switch {
		case through == st.closed:
			continue
		case through > st.horizon:
			faults = append(faults, fmt.Sprintf("program %s was run through %s only: what is earned after it is not posted yet", id, st.horizon))
		case through < st.closed && !o.Reopen:
			faults = append(faults, fmt.Sprintf("program %s is closed through %s already: opening dates again needs --reopen", id, st.closed))
		case through < st.closed:
			act = schemas.ActReopen
		case o.Reopen:
			faults = append(faults, fmt.Sprintf("program %s is %s: there is nothing to reopen after %s", id, closedText(st.closed), through))
		}
		out = append(out, schemas.Closing{
			Format: schemas.ClosingFormat, Program: id, N: st.n + 1, Act: act, ClosedThrough: through, At: now.Format(time.RFC3339Nano),
		})
	}
	if len(faults) > 0 {
		return nil, &hintError{error: errors.New(strings.Join(faults, "\n")), class: Refused, hint: "`accrue close` shows what is closed"}
	}
	return out, nil
}

func closedText(through string) string {
	if through == "" {
		return "not closed"
	}
	return "closed through " + through
}

// writeClosing notes a closing, and in the history of runs that it happened.
func writeClosing(ctx context.Context, db *warehouse.DB, c schemas.Closing, now time.Time) error {
	var through any
	from := "0001-01-01"
	if c.ClosedThrough != "" {
		through, from = c.ClosedThrough, c.ClosedThrough
	}
	if _, err := db.Exec(ctx, "INSERT INTO closings VALUES (?, ?, ?, CAST(? AS DATE), ?)", c.Program, c.N, c.Act, through, now); err != nil {
		return err
	}
	state, message := RunClosed, fmt.Sprintf("%s is closed through %s", c.Program, c.ClosedThrough)
	if c.Act == schemas.ActReopen {
		state, message = RunReopened, fmt.Sprintf("%s is %s again", c.Program, closedText(c.ClosedThrough))
		if c.ClosedThrough == "" {
			message = c.Program + " is open again"
		}
	}
	_, err := db.Exec(ctx, `INSERT INTO runs VALUES (?, 'close', CAST(? AS DATE), CAST(? AS DATE), 1, ?, ?, ?, ?, NULL)`,
		fmt.Sprintf("close-%s-%03d", c.Program, c.N), from, from, state, now, now, message)
	return err
}

// Closings lists what was closed and reopened, by program in order.
func (r *Reader) Closings(ctx context.Context) ([]schemas.Closing, error) {
	out, err := emit.Closings(ctx, r.db)
	return append([]schemas.Closing{}, out...), err
}

// closedThrough returns the program's last closed date, nil where everything is open.
func closedThrough(ctx context.Context, db *warehouse.DB, program string) (*pipeline.Date, error) {
	var day sql.Null[time.Time]
	err := db.QueryRow(ctx, "SELECT closed_through FROM closings WHERE program = ? ORDER BY n DESC LIMIT 1", program).Scan(&day)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !day.Valid {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := pipeline.DateOf(day.V)
	return &d, nil
}
