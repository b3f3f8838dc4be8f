package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/emit"
	"accrue/pipeline/ledger"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// RunDry is the state in the summary of a backfill that only shows what it would do.
const RunDry = "dry_run"

// BackfillOptions are the arguments of a backfill.
type BackfillOptions struct {
	RunOptions // Date is not looked at
	// From and To are the dates to post to, both inclusive: a difference goes to its earned date, if that lies before
	// From to From, after To to To, on a closed date to the first open one (F60).
	From, To pipeline.Date
	// Program is the only one to evaluate; "" for all.
	Program string
	// DryRun: nothing is written; the summary shows the difference.
	DryRun bool
	// Restate accepts program files that are not what posted grants rest on; the differences say `restated`.
	Restate bool
	// Changes is told the changes of program files that are restated, before anything happens; nil for nobody.
	Changes func([]ProgramChange)
}

// Backfill loads the deliveries up to the last date, evaluates every program once over the whole range, posts each
// difference to the date that it was earned on, and publishes one folder per date. What a run promises holds here too:
// a second backfill publishes nothing, and one that was killed is brought to its end by the next run.
func Backfill(ctx context.Context, p *Project, o BackfillOptions) (*Summary, error) {
	if o.From > o.To {
		return nil, &hintError{
			error: fmt.Errorf("a backfill from %s to %s has no dates", o.From, o.To), class: Refused,
			hint: "--from is the first date and --to the last",
		}
	}
	n := &night{project: p, opts: o.RunOptions, command: "backfill", from: o.From, to: o.To, backfill: &o, restated: map[string]bool{}}
	return n.run(ctx, func() (err error) {
		var only []string
		if o.Program != "" {
			only = []string{o.Program}
		}
		n.chosen, err = pickPrograms(n.families, only)
		return err
	})
}

// pickPrograms returns the families with the ids, in the order of all; all of them for no ids.
func pickPrograms(families []*program.Family, ids []string) ([]*program.Family, error) {
	if len(ids) == 0 {
		return families, nil
	}
	var known []string
	var out []*program.Family
	for _, fam := range families {
		known = append(known, fam.ID)
		if slices.Contains(ids, fam.ID) {
			out = append(out, fam)
		}
	}
	for _, id := range ids {
		if !slices.Contains(known, id) {
			return nil, &hintError{error: fmt.Errorf("there is no program %q", id), class: Refused, hint: fmt.Sprintf("programs here: %v", known)}
		}
	}
	return out, nil
}

func (n *night) dryRun() bool { return n.backfill != nil && n.backfill.DryRun }

// open opens the warehouse. What only shows its work makes none where there is none.
func (n *night) open(ctx context.Context) (*warehouse.DB, error) {
	if n.dryRun() {
		if _, err := os.Stat(n.project.warehouseFile()); errors.Is(err, os.ErrNotExist) {
			return n.project.openMemory(ctx)
		}
	}
	return n.project.openWarehouse(ctx, false)
}

// restate accepts changes of program files. A program without any file would have all its grants taken back, which is
// not done by leaving a file out.
func (n *night) restate(changes []ProgramChange) error {
	gone := &ChangedError{}
	for _, c := range changes {
		if !slices.ContainsFunc(n.chosen, func(f *program.Family) bool { return f.ID == c.Program }) {
			gone.Changes = append(gone.Changes, c)
			continue
		}
		n.restated[c.Program] = true
	}
	if len(gone.Changes) > 0 {
		return &hintError{error: gone, class: Refused,
			hint: "a program without any file cannot be restated: put one of its files back, with `active: {until: …}` where rules are to end"}
	}
	n.summary.Changes = changes
	if n.backfill.Changes != nil {
		n.backfill.Changes(changes)
	}
	return nil
}

// rehearsed does what a backfill does up to the posting, inside a transaction that is rolled back.
func (n *night) rehearsed(ctx context.Context) (*Summary, error) {
	start := n.opts.Clock.Now()
	n.summary = n.newSummary()
	var err error
	if n.history, err = lastRun(ctx, n.db); err != nil {
		return nil, err
	}
	err = n.db.Rehearse(ctx, func() error {
		if err := emit.Check(ctx, n.db, n.project.grantsDir()); err != nil {
			return err
		}
		if err := n.acceptBases(ctx); err != nil {
			return err
		}
		if err := n.load(ctx); err != nil {
			return err
		}
		if err := n.programs(ctx); err != nil {
			return err
		}
		return n.cameIn(ctx)
	})
	n.summary.Seconds = n.opts.Clock.Now().Sub(start).Round(time.Millisecond).Seconds()
	if err == nil {
		n.summary.State = RunDry
	}
	return n.summary, err
}

// rehearse notes in the summary what would be posted and published of a program.
func (n *night) rehearse(ctx context.Context, fam *program.Family, postings []ledger.Posting, closed *pipeline.Date) error {
	ps := newProgramSummary(fam, closed)
	if err := n.sums(ctx, fam, ps, "difference", nil); err != nil {
		return err
	}
	for _, p := range postings {
		ps.Published = append(ps.Published, Publication{
			PostedOn: p.PostedOn.String(), Seq: p.Seq, Rows: p.Totals.Rows,
			Folder: n.project.publicationFolder(fam.ID, p.PostedOn.String(), p.Seq),
		})
	}
	n.summary.Programs = append(n.summary.Programs, *ps)
	return nil
}
