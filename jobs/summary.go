package jobs

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// Summary says everything that a run did. Amounts are decimal texts.
type Summary struct {
	Run      string   `json:"run"`
	Command  string   `json:"command"`
	From     string   `json:"from,omitempty"` // of a backfill, whose last date is Date
	Date     string   `json:"date"`
	Attempt  int      `json:"attempt"`
	State    string   `json:"state"` // published, unchanged, failed or dry_run
	Message  string   `json:"message,omitempty"`
	Seconds  float64  `json:"duration_seconds"`
	LoadSeq  int      `json:"load_seq"`          // the newest load that the run knew
	Horizon  string   `json:"horizon,omitempty"` // business dates after it were unknown
	Warnings []string `json:"warnings"`

	Deliveries []DeliverySummary `json:"deliveries"` // those that are new since the last completed run
	Datasets   []DatasetSummary  `json:"datasets"`   // their rows
	// Changes are those of program files that a backfill restates.
	Changes   []ProgramChange  `json:"changes,omitempty"`
	Programs  []ProgramSummary `json:"programs"` // those that were run to their end
	Failed    []string         `json:"failed_programs,omitempty"`
	Recovered []string         `json:"recovered,omitempty"` // publications of a killed run, brought to their end
	// Example is the transaction of the largest grant: something to explain. "" where none was granted.
	Example string `json:"example,omitempty"`
	// Profile is where the time went, for those who asked; the history does not keep it.
	Profile *Profile `json:"profile,omitempty"`
}

// DeliverySummary is one delivery that came in.
type DeliverySummary struct {
	Date    string `json:"date"`
	LoadSeq int    `json:"load_seq"`
	Files   int    `json:"files"`
}

// DatasetSummary counts the rows of one dataset in the deliveries that came in:
// read = accepted + duplicate + superseded + rejected.
type DatasetSummary struct {
	Dataset    string `json:"dataset"`
	Read       int64  `json:"read"`
	Accepted   int64  `json:"accepted"`
	Duplicate  int64  `json:"duplicate"`
	Superseded int64  `json:"superseded"`
	Rejected   int64  `json:"rejected"`
	// Waiting are items and returns, of whatever delivery, whose transaction has not come yet.
	Waiting int64 `json:"waiting"`
}

// ProgramSummary says what a run posted and published of one program.
type ProgramSummary struct {
	Program   string        `json:"program"`
	Name      string        `json:"name,omitempty"`
	Published []Publication `json:"published"` // none where nothing was new
	Grants    []RuleSummary `json:"grants"`    // what was posted, in the order of the rules
	// Days are the same by date, of a backfill.
	Days []DaySummary `json:"days,omitempty"`
	// ClosedThrough is the last closed date, "" where everything is open.
	ClosedThrough string `json:"closed_through,omitempty"`
	// Evaluated says of whom was worked out what they are owed.
	Evaluated *Evaluated `json:"evaluated,omitempty"`
}

// Evaluated says of whom a run worked out what they are owed: of everybody, or of the members for whom something can have
// changed since the run before.
type Evaluated struct {
	Members          int64  `json:"members,omitempty"` // 0 where nothing has changed, and for everybody
	EverybodyBecause string `json:"everybody_because,omitempty"`
}

// DaySummary is what a backfill posts to a date, of one rule and reward.
type DaySummary struct {
	PostedOn string `json:"posted_on"`
	Rule     string `json:"rule"`
	Reward   string `json:"reward"`
	Rows     int64  `json:"rows"`
	// Granted is the sum of accruals and adjustments, TakenBack that of reversals (below zero), Amount both.
	Granted   string `json:"granted"`
	TakenBack string `json:"taken_back"`
	Amount    string `json:"amount"`
}

// Publication is one published folder.
type Publication struct {
	PostedOn string                 `json:"posted_on"`
	Seq      int                    `json:"seq"`
	Folder   string                 `json:"folder"`
	Rows     int64                  `json:"rows"`
	Files    []schemas.ManifestFile `json:"files"`
}

// RuleSummary sums up the grants of one rule, reward and kind.
type RuleSummary struct {
	Rule   string `json:"rule"`
	Reward string `json:"reward"`
	Kind   string `json:"kind"`
	Rows   int64  `json:"rows"`
	Amount string `json:"amount"`
}

// summarise reads from the warehouse what the run did. It does not matter in which attempt it was done.
func (n *night) summarise(ctx context.Context) error {
	s := n.summary
	if err := n.cameIn(ctx); err != nil {
		return err
	}
	s.State = RunUnchanged
	s.Programs = []ProgramSummary{}
	for _, fam := range n.done {
		ps, err := n.granted(ctx, fam)
		if err != nil {
			return err
		}
		if len(ps.Published) > 0 {
			s.State = RunPublished
		}
		s.Programs = append(s.Programs, *ps)
	}
	err := n.db.QueryRow(ctx, `SELECT l.source_id
		FROM ledger l JOIN publications p ON l.program = p.program AND l.posted_on = p.posted_on AND l.seq = p.seq
		WHERE p.run = ? AND l.source_type = 'transaction' ORDER BY l.amount DESC, l.source_id LIMIT 1`,
		n.history.run).Scan(&s.Example)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// cameIn counts the rows of the deliveries that are new since the last completed run.
func (n *night) cameIn(ctx context.Context) error {
	s := n.summary
	s.Deliveries, s.Datasets = []DeliverySummary{}, []DatasetSummary{}
	if err := n.db.QueryRow(ctx, `SELECT coalesce(max(load_seq), 0) FROM deliveries`).Scan(&s.LoadSeq); err != nil {
		return err
	}
	var d DeliverySummary
	if err := n.db.Each(ctx, `SELECT CAST(d.delivery AS VARCHAR), d.load_seq, count(f.file_id)
		FROM deliveries d LEFT JOIN files f ON f.delivery = d.delivery
		WHERE d.load_seq > ? GROUP BY ALL ORDER BY 1`,
		[]any{n.history.since}, []any{&d.Date, &d.LoadSeq, &d.Files}, func() error {
			s.Deliveries = append(s.Deliveries, d)
			return nil
		}); err != nil {
		return err
	}
	read := map[string]DatasetSummary{}
	var ds DatasetSummary
	if err := n.db.Each(ctx, `SELECT f.dataset, CAST(sum(f.rows_read) AS BIGINT), CAST(sum(f.rows_accepted) AS BIGINT),
			CAST(sum(f.rows_duplicate) AS BIGINT), CAST(sum(f.rows_superseded) AS BIGINT), CAST(sum(f.rows_rejected) AS BIGINT)
		FROM files f JOIN deliveries d ON f.delivery = d.delivery WHERE d.load_seq > ? GROUP BY f.dataset`,
		[]any{n.history.since}, []any{&ds.Dataset, &ds.Read, &ds.Accepted, &ds.Duplicate, &ds.Superseded, &ds.Rejected},
		func() error {
			read[ds.Dataset] = ds
			return nil
		}); err != nil {
		return err
	}
	for _, set := range schemas.Datasets {
		row, ok := read[set.Name]
		row.Dataset = set.Name
		row.Waiting = n.waiting[set.Name]
		if ok || row.Waiting > 0 {
			s.Datasets = append(s.Datasets, row)
		}
	}
	return nil
}

func newProgramSummary(fam *program.Family, closed *pipeline.Date) *ProgramSummary {
	ps := &ProgramSummary{Program: fam.ID, Name: fam.Versions[len(fam.Versions)-1].Name,
		Published: []Publication{}, Grants: []RuleSummary{}}
	if closed != nil {
		ps.ClosedThrough = closed.String()
	}
	return ps
}

// granted sums up what the run posted of a program.
func (n *night) granted(ctx context.Context, fam *program.Family) (*ProgramSummary, error) {
	closed, err := closedThrough(ctx, n.db, fam.ID)
	if err != nil {
		return nil, err
	}
	ps := newProgramSummary(fam, closed)
	ps.Evaluated = n.evaluated[fam.ID]
	var p Publication
	var manifest string
	if err := n.db.Each(ctx, `SELECT CAST(posted_on AS VARCHAR), seq, rows_count, manifest FROM publications
		WHERE program = ? AND run = ? ORDER BY posted_on, seq`,
		[]any{fam.ID, n.history.run}, []any{&p.PostedOn, &p.Seq, &p.Rows, &manifest}, func() error {
			m, err := parseManifest(manifest)
			if err != nil {
				return err
			}
			p.Files = m.Files
			p.Folder = n.project.publicationFolder(fam.ID, p.PostedOn, p.Seq)
			ps.Published = append(ps.Published, p)
			return nil
		}); err != nil {
		return nil, err
	}
	return ps, n.sums(ctx, fam, ps, `(SELECT l.* FROM ledger l
		JOIN publications p ON l.program = p.program AND l.posted_on = p.posted_on AND l.seq = p.seq
		WHERE p.program = ? AND p.run = ?)`, []any{fam.ID, n.history.run})
}

// sums adds up the ledger rows of a relation by rule, reward and kind, and for a backfill by date too.
func (n *night) sums(ctx context.Context, fam *program.Family, ps *ProgramSummary, relation string, args []any) error {
	order, scales := map[string]int{}, familyScales(fam)
	for i, id := range fam.RuleIDs() {
		order[id] = i
	}
	format := func(reward, sum string) (string, error) {
		total, err := pipeline.ParseSum(sum)
		if scale, ok := scales[reward]; ok {
			return total.Format(scale), err
		}
		return total.String(), err // of a version that is gone
	}
	var rs RuleSummary
	var sum string
	if err := n.db.Each(ctx, `SELECT rule, reward, kind, count(*), CAST(sum(amount) AS VARCHAR)
		FROM `+relation+" GROUP BY ALL", args, []any{&rs.Rule, &rs.Reward, &rs.Kind, &rs.Rows, &sum}, func() (err error) {
		rs.Amount, err = format(rs.Reward, sum)
		ps.Grants = append(ps.Grants, rs)
		return err
	}); err != nil {
		return err
	}
	sortGrants(ps.Grants, order)
	if n.backfill == nil {
		return nil
	}
	var d DaySummary
	var up, down string
	err := n.db.Each(ctx, `SELECT CAST(posted_on AS VARCHAR), rule, reward, count(*), CAST(sum(amount) AS VARCHAR),
			CAST(coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS VARCHAR),
			CAST(coalesce(sum(amount) FILTER (WHERE amount < 0), 0) AS VARCHAR)
		FROM `+relation+" GROUP BY ALL", args, []any{&d.PostedOn, &d.Rule, &d.Reward, &d.Rows, &sum, &up, &down}, func() (err error) {
		var errs [3]error
		d.Amount, errs[0] = format(d.Reward, sum)
		d.Granted, errs[1] = format(d.Reward, up)
		d.TakenBack, errs[2] = format(d.Reward, down)
		ps.Days = append(ps.Days, d)
		return errors.Join(errs[:]...)
	})
	slices.SortFunc(ps.Days, func(a, b DaySummary) int {
		return cmp.Or(strings.Compare(a.PostedOn, b.PostedOn), cmp.Compare(order[a.Rule], order[b.Rule]),
			strings.Compare(a.Rule, b.Rule), strings.Compare(a.Reward, b.Reward))
	})
	return err
}

// deliveriesKnown lists the loaded deliveries for the manifest.
func deliveriesKnown(ctx context.Context, db *warehouse.DB) ([]schemas.ManifestDelivery, error) {
	out := []schemas.ManifestDelivery{}
	var d schemas.ManifestDelivery
	err := db.Each(ctx, `SELECT CAST(delivery AS VARCHAR), load_seq, fingerprint FROM deliveries ORDER BY delivery`, nil,
		[]any{&d.Date, &d.LoadSeq, &d.Fingerprint}, func() error {
			out = append(out, d)
			return nil
		})
	return out, err
}

// parseManifest reads a manifest as the warehouse keeps it.
func parseManifest(text string) (*schemas.Manifest, error) {
	var m schemas.Manifest
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, fmt.Errorf("reading a manifest: %w", err)
	}
	return &m, nil
}

// sortGrants puts summaries into the order of the rules in the program, then of rewards and kinds.
func sortGrants(list []RuleSummary, place map[string]int) {
	slices.SortStableFunc(list, func(a, b RuleSummary) int {
		return cmp.Or(cmp.Compare(place[a.Rule], place[b.Rule]), strings.Compare(a.Rule, b.Rule),
			strings.Compare(a.Reward, b.Reward), strings.Compare(a.Kind, b.Kind))
	})
}
