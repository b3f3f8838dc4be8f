package explain

import (
	"cmp"
	"context"
	"math/big"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
	"accrue/pipeline/warehouse"
)

// BulkOptions say what is explained in bulk.
type BulkOptions struct {
	Horizon     pipeline.Date
	From, Until pipeline.Date // business dates, both inclusive
	// ChunkRows is how many rows of facts are held at once, those of one member at least; 0 for 20,000.
	ChunkRows int64
	// Progress, if set, is told what is under way.
	Progress func(done, of int64)
}

// BulkResult says what was explained.
type BulkResult struct {
	Decisions int64
	Rules     []RuleSum // in the order of the rules, then of rewards
}

// RuleSum holds what a rule owes for the range against what the ledger holds for it.
type RuleSum struct {
	Rule, Reward string
	Pays         int64 // decisions that pay
	Refuses      int64
	Owed, Posted decimal.Decimal
}

// chunkRows is how many rows of facts are held at once.
const chunkRows = 20_000

// Bulk explains every source of every member whose business date lies in the range: emit gets one row per source, rule
// and reward, in the columns of schemas.DecisionFields, by member and time; the values are those that
// columnar.TableWriter takes. Members are taken in chunks, so that memory is bounded by the chunk; where a rule has a
// budget everybody's facts are read at once.
func Bulk(ctx context.Context, db *warehouse.DB, fam *program.Family, o BulkOptions, emit func([]any) error) (*BulkResult, error) {
	b := &bulk{ctx: ctx, db: db, fam: fam, opts: o, emit: emit, sums: map[[2]string]*RuleSum{}, out: &BulkResult{}}
	p := picker{ctx, db}
	if dependsOnAll(fam) {
		if err := b.explain(true, func(string) bool { return true }); err != nil {
			return nil, err
		}
		return b.out, b.finish()
	}
	n, err := p.chunks(fam, o.From, o.Until, cmp.Or(o.ChunkRows, chunkRows))
	if err != nil {
		return nil, err
	}
	for chunk := range n {
		if o.Progress != nil {
			o.Progress(chunk, n)
		}
		members, err := p.chunk(fam, chunk)
		if err != nil {
			return nil, err
		}
		if err := b.explain(false, func(member string) bool { return members[member] }); err != nil {
			return nil, err
		}
	}
	return b.out, b.finish()
}

type bulk struct {
	ctx  context.Context
	db   *warehouse.DB
	fam  *program.Family
	opts BulkOptions
	emit func([]any) error
	sums map[[2]string]*RuleSum
	out  *BulkResult
}

// explain explains the sources of the wanted members, the empty one for those of nobody, over the facts of those that
// were picked or of all.
func (b *bulk) explain(all bool, wanted func(member string) bool) error {
	facts, err := read(b.ctx, b.db, all)
	if err != nil {
		return err
	}
	res := reference.Evaluate(b.fam, *facts, reference.Options{
		Horizon:    b.opts.Horizon,
		Trace:      func(_ pipeline.SourceType, _, member string) bool { return wanted(member) },
		TraceDates: &program.Span{From: b.opts.From, Until: b.opts.Until},
	})
	slices.SortStableFunc(res.Decisions, func(x, y reference.Decision) int { return strings.Compare(x.MemberID, y.MemberID) })
	for i := range res.Decisions {
		d := &res.Decisions[i]
		b.count(d)
		if err := b.emit(decisionRow(b.fam.ID, d)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bulk) sum(rule, reward string) *RuleSum {
	k := [2]string{rule, reward}
	if b.sums[k] == nil {
		b.sums[k] = &RuleSum{Rule: rule, Reward: reward}
	}
	return b.sums[k]
}

func (b *bulk) count(d *reference.Decision) {
	b.out.Decisions++
	s := b.sum(d.Rule, d.Reward)
	if d.Reason == "" {
		s.Pays++
	} else {
		s.Refuses++
	}
	s.Owed = s.Owed.Add(d.Amount)
}

// finish adds what the ledger holds and puts the rules in order.
func (b *bulk) finish() error {
	var rule, reward, posted string
	if err := b.db.Each(b.ctx, `SELECT rule, reward, CAST(sum(amount) AS VARCHAR) FROM ledger
		WHERE program = ? AND earned_on BETWEEN CAST(? AS DATE) AND CAST(? AS DATE) GROUP BY ALL`,
		[]any{b.fam.ID, b.opts.From.String(), b.opts.Until.String()}, []any{&rule, &reward, &posted}, func() error {
			units, err := decimal.NewFromString(posted)
			b.sum(rule, reward).Posted = units.Shift(-pipeline.AmountPlaces)
			return err
		}); err != nil {
		return err
	}
	place := map[string]int{}
	for i, r := range b.fam.RuleIDs() {
		place[r] = i
	}
	for _, s := range b.sums {
		b.out.Rules = append(b.out.Rules, *s)
	}
	slices.SortFunc(b.out.Rules, func(x, y RuleSum) int {
		return cmp.Or(cmp.Compare(place[x.Rule], place[y.Rule]), strings.Compare(x.Rule, y.Rule), strings.Compare(x.Reward, y.Reward))
	})
	return nil
}

// decisionRow writes a decision as the columns of schemas.DecisionFields.
func decisionRow(programID string, d *reference.Decision) []any {
	orNone := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	var version, basis any
	if d.ProgramVersion > 0 {
		version = int64(d.ProgramVersion)
	}
	var steps []string
	for _, s := range d.Steps {
		if s.Name == "basis" {
			basis = units(s.Amount)
		}
		steps = append(steps, s.Text)
	}
	after := func(first, last int) any {
		if left, ok := amountAfter(d, first, last); ok {
			return units(left)
		}
		return nil
	}
	return []any{
		programID, version, d.MemberID, d.Tier, string(d.SourceType), d.SourceID, d.EarnedAt, d.EarnedOn,
		d.Rule, string(d.Kind), orNone(d.Reward), basis, orNone(d.Exact),
		after(stageEarned, stageEarned), after(stagePerTransaction, stagePerTransaction), after(stageBestOf, stageBestOf),
		after(stageTimes, stageAmounts-1), after(stageAmounts, stageBudget-1), after(stageBudget, stageBudget), units(d.Amount), orNone(d.Reason), orNone(d.Why), orNone(strings.Join(steps, "; ")),
	}
}

// units is an amount in ten-thousandths.
func units(d decimal.Decimal) *big.Int { return d.Shift(pipeline.AmountPlaces).BigInt() }
