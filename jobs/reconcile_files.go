package jobs

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/emit"
	"accrue/pipeline/explain"
	"accrue/pipeline/program"
	"accrue/pipeline/reconcile"
	"accrue/pipeline/warehouse"
)

// fileProblems sorts what is wrong with published files by publication.
type fileProblems struct {
	r      *Reconciliation
	of     map[reconcile.Publication][]emit.Problem
	order  []reconcile.Publication
	broken []reconcile.Publication // those whose rows must be looked at
	told   map[string]bool         // paths that have a break of their own
}

var publicationPath = regexp.MustCompile(`^(.+)/date=(\d{4}-\d{2}-\d{2})/\.?seq=(\d+)`)

func newFileProblems(r *Reconciliation, problems []emit.Problem) *fileProblems {
	c := &fileProblems{r: r, of: map[reconcile.Publication][]emit.Problem{}, told: map[string]bool{}}
	for _, p := range problems {
		parts := publicationPath.FindStringSubmatch(p.File)
		if parts == nil {
			continue
		}
		day, err := pipeline.ParseDate(parts[2])
		seq, serr := strconv.Atoi(parts[3])
		pub := reconcile.Publication{Program: parts[1], PostedOn: day, Seq: seq}
		if err != nil || serr != nil || !r.work.InScope(pub) {
			continue
		}
		if c.of[pub] == nil {
			c.order = append(c.order, pub)
		}
		c.of[pub] = append(c.of[pub], p)
	}
	for _, pub := range c.order {
		if slices.ContainsFunc(c.of[pub], func(p emit.Problem) bool { return p.Kind == emit.ProblemRows || p.Kind == emit.ProblemFile }) &&
			!slices.ContainsFunc(c.of[pub], func(p emit.Problem) bool { return strings.Contains(p.What, "belong to no publication") }) {
			c.broken = append(c.broken, pub)
		}
	}
	return c
}

// collect reads the rows of the broken publications as they stand on the disk into a file.
func (c *fileProblems) collect(ctx context.Context, path string) (err error) {
	rows, err := reconcile.NewFileRows(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for _, pub := range c.broken {
		unread, err := emit.ReadPublished(ctx, c.r.db, c.r.project.grantsDir(), pub.Program, pub.PostedOn, pub.Seq, emit.Options{},
			func(g emit.PublishedRow) error {
				rows.Add(pub, g.File, g.Row, g.Grant)
				return nil
			})
		if err != nil {
			return err
		}
		if err := c.r.work.Broken(pub, len(unread) == 0); err != nil {
			return err
		}
		for _, p := range unread {
			if err := c.tell(pub, p, reconcile.Missing); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell adds one break for a path.
func (c *fileProblems) tell(pub reconcile.Publication, p emit.Problem, kind string) error {
	if c.told[p.File] {
		return nil
	}
	c.told[p.File] = true
	return c.r.work.FileBreak(pub, p.File, kind, p.Expected, p.Found, p.What)
}

// whole names what is wrong with files and folders as a whole. That a file has another digest is not told where its
// rows have been named.
func (c *fileProblems) whole(byRow map[reconcile.Publication]bool) error {
	for _, pub := range c.order {
		// A digest says more than a size.
		list := slices.Clone(c.of[pub])
		slices.SortStableFunc(list, func(a, b emit.Problem) int { return cmp.Compare(weight(a), weight(b)) })
		for _, p := range list {
			kind := reconcile.Amount
			switch {
			case p.Kind == emit.ProblemStranger:
				kind = reconcile.Extra
			case p.Kind == emit.ProblemFolder && strings.Contains(p.What, "not there"):
				kind = reconcile.Missing
			case p.Kind == emit.ProblemFolder:
				kind = reconcile.Extra
			case p.Kind == emit.ProblemRows, p.Kind == emit.ProblemFile && byRow[pub]:
				continue
			case p.Expected == "" && p.Found == "" && p.Kind != emit.ProblemChain:
				kind = reconcile.Missing
			}
			if err := c.tell(pub, p, kind); err != nil {
				return err
			}
		}
	}
	return nil
}

func weight(p emit.Problem) int {
	if strings.HasPrefix(p.What, "SHA-256") {
		return 0
	}
	return 1
}

// Facts up to this number are all evaluated again by the reference; of more, some members' are.
const (
	againRows    = 50_000
	againMembers = 20
)

// again has the reference evaluator work out what is owed once more: of everybody where that is few, of a sample of
// members where they do not depend on each other.
func (r *Reconciliation) again(ctx context.Context, fam *program.Family, horizon pipeline.Date) error {
	var rows int64
	if err := r.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM transactions) + (SELECT count(*) FROM items) + (SELECT count(*) FROM returns)
		+ (SELECT count(*) FROM activities) + (SELECT count(*) FROM members)`).Scan(&rows); err != nil {
		return err
	}
	var members []string
	if rows > againRows {
		if explain.ReadsEverybody(fam) {
			r.note("%s: members depend on each other and the facts are many: the second evaluator is not asked", fam.ID)
			return nil
		}
		var id string
		if err := r.db.Each(ctx, "SELECT member_id FROM eval_members ORDER BY md5(member_id), member_id LIMIT ?", []any{againMembers}, []any{&id},
			func() error {
				members = append(members, id)
				return nil
			}); err != nil {
			return err
		}
		r.note("%s: the second evaluator is asked about %d members, not all", fam.ID, len(members))
	}
	r.progress("%s: asking the second evaluator", fam.ID)
	owed, err := explain.Owed(ctx, r.db, fam, horizon, members)
	if err != nil {
		return err
	}
	out := make([]reconcile.Again, len(owed))
	for i, e := range owed {
		out[i] = reconcile.Again{
			Rule: e.Rule, SourceType: string(e.SourceType), SourceID: e.SourceID, Member: e.MemberID, Reward: e.Reward,
			Amount: e.Amount.Mul(decimal.NewFromInt(int64(pipeline.Unit))).IntPart(), EarnedOn: e.EarnedOn.String(),
		}
	}
	return r.work.HoldAgain(fam.ID, members, out)
}

// sum writes a sum with the digits of its reward.
func (s scales) sum(program, reward string, v pipeline.Sum) string {
	text := v.String()
	places, ok := s[[2]string{program, reward}]
	_, frac, _ := strings.Cut(text, ".")
	if !ok || len(frac) > places {
		return text
	}
	return v.Format(places)
}

// samePlaces gives two decimals as many places: money has no scale, and 12.5 beside 12.25 is hard to compare.
func samePlaces(a, b string) (left, right string) {
	places := func(s string) int {
		_, frac, _ := strings.Cut(s, ".")
		return len(frac)
	}
	pad := func(s string, n int) string {
		if n > 0 && !strings.Contains(s, ".") {
			s += "."
		}
		return s + strings.Repeat("0", n-places(s))
	}
	n := max(places(a), places(b))
	return pad(a, n), pad(b, n)
}

// addCount adds to the counts by tie, type and age, whatever the reward.
func (s *ReconcileSummary) addCount(c reconcile.Count) {
	for i := range s.Counts {
		if o := &s.Counts[i]; o.Tie == string(c.Tie) && o.Program == c.Program && o.Type == c.Type && o.Age == c.Bucket {
			o.Breaks += c.Breaks
			return
		}
	}
	s.Counts = append(s.Counts, BreakCount{Tie: string(c.Tie), Program: c.Program, Type: c.Type, Age: c.Bucket, Breaks: c.Breaks})
}

// addLeft adds the breaks of ties and rewards that have no figures.
func (s *ReconcileSummary) addLeft(left map[TieSummary]int64) {
	var rest []TieSummary
	for t, n := range left {
		t.Breaks = n
		rest = append(rest, t)
	}
	slices.SortFunc(rest, func(a, b TieSummary) int {
		return cmp.Or(strings.Compare(a.Tie, b.Tie), strings.Compare(a.Program, b.Program), strings.Compare(a.Of, b.Of))
	})
	s.Ties = append(s.Ties, rest...)
	place := map[string]int{}
	for i, t := range reconcile.Ties {
		place[string(t)] = i
	}
	slices.SortStableFunc(s.Ties, func(a, b TieSummary) int { return cmp.Compare(place[a.Tie], place[b.Tie]) })
}

// Breaks hands on the breaks of the scope: the open ones, or those that are closed too. limit 0 is for all.
func (r *Reconciliation) Breaks(ctx context.Context, closed bool, limit int, fn func(Break) error) error {
	f := r.filter
	f.Closed, f.Limit = closed, limit
	return breaks(ctx, r.db, f, r.asOf, fn)
}

// WriteParquet writes the breaks of the scope as a Parquet file.
func (r *Reconciliation) WriteParquet(ctx context.Context, closed bool, path string) error {
	f := r.filter
	f.Closed = closed
	return reconcile.WriteParquet(ctx, r.db, f, r.asOf, path)
}

func breaks(ctx context.Context, db *warehouse.DB, f reconcile.Filter, asOf pipeline.Date, fn func(Break) error) error {
	return reconcile.Breaks(ctx, db, f, func(b reconcile.Break) error {
		out := Break{
			Tie: string(b.Tie), Program: b.Program, Type: b.Type, Key: b.Key, Date: b.Date.String(), AgeDays: b.Age(asOf),
			Age: reconcile.Bucket(b.Age(asOf)), Member: b.Member, Rule: b.Rule, Reward: b.Reward, Expected: b.Expected, Found: b.Found,
			What: b.What, FoundOn: b.FoundOn.String(), Sources: b.Sources,
		}
		if b.ClosedOn != nil {
			out.ClosedOn = b.ClosedOn.String()
		}
		return fn(out)
	})
}
