package reference

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// Options say up to where a program is evaluated, and what is to be explained.
type Options struct {
	// Horizon is the last business date that is known: transactions and activities after it do not exist (F45).
	Horizon pipeline.Date
	// Trace says of which sources the decisions are wanted; nil for none. The member is empty where nobody is known.
	Trace func(t pipeline.SourceType, id, memberID string) bool
	// TraceDates are the business dates of the sources whose decisions are wanted; nil for all.
	TraceDates *program.Span
}

// TraceAll asks for the decisions on every source.
func TraceAll(pipeline.SourceType, string, string) bool { return true }

// Entitlement is what a member is owed by one rule for one source, above zero.
type Entitlement struct {
	Rule           string
	ProgramVersion int
	MemberID       string
	Reward         string
	SourceType     pipeline.SourceType
	SourceID       string
	EarnedAt       time.Time // UTC
	EarnedOn       pipeline.Date
	Amount         decimal.Decimal
}

// Result is what an evaluation found: entitlements by (member, earned at, source, rule, reward), and of the sources
// that were asked for how the program sees them and the decisions on them, by source and then in the order in which
// the rules were looked at.
type Result struct {
	Entitlements []Entitlement
	Seen         []Seen
	Decisions    []Decision
}

// grant is an amount on its way through the steps.
type grant struct {
	*source
	rule     *program.Rule
	reward   *program.Reward
	amount   decimal.Decimal
	ranked   decimal.Decimal // what step 4 left: what `pick: highest` ranks by (F32)
	decision *Decision       // nil where nobody asked
}

// evaluation holds what all steps look at.
type evaluation struct {
	family     *program.Family
	clock      clock
	members    members
	stores     map[string]Store
	horizon    pipeline.Date
	spent      map[string][]spending // by member, where tiers come from spend
	sources    []*source             // by (occurred_at, id)
	trace      func(pipeline.SourceType, string, string) bool
	traceDates *program.Span
	decisions  []*Decision
	seen       []Seen
	refused    []refusal // referrals that pay under no version
}

// Evaluate works out what every member is owed by all versions of a program (spec section 6).
func Evaluate(f *program.Family, facts Facts, o Options) Result {
	if len(f.Versions) == 0 {
		return Result{}
	}
	ev := newEvaluation(f, facts, o)
	ev.gather(facts)
	ev.noteNotInForce()
	ev.noteUnqualified()
	ev.countOrders()

	base := once(ev.earnAll()) // steps 1 to 3
	base = bestOf(base)        // step 4
	base = ev.withLimits(base) // steps 5 to 7
	more := ev.multiplyAll(base)
	more = bestOf(more)
	more = ev.withLimits(more) // step 8: steps 1 to 7 again
	return ev.result(ev.withProgramLimits(append(base, more...)))
}

// newEvaluation knows members and stores, and no sources yet.
func newEvaluation(f *program.Family, facts Facts, o Options) *evaluation {
	ev := &evaluation{
		family: f, members: indexMembers(facts.Members), stores: map[string]Store{}, horizon: o.Horizon, trace: o.Trace,
		traceDates: o.TraceDates, spent: map[string][]spending{},
	}
	for _, s := range facts.Stores {
		ev.stores[s.ID] = s
	}
	p := f.Versions[0] // zone, day start, day and currency are the same in all versions (F43)
	ev.clock = clock{zone: p.Location, dayStartsAt: p.DayStartsAt}
	if p.Day == program.DayStore {
		ev.clock.stores = ev.stores
	}
	ev.gatherSpending(facts)
	return ev
}

// earnAll takes every source through steps 1 to 3 of every rule that does not build on others.
func (ev *evaluation) earnAll() []*grant {
	var out []*grant
	for _, s := range ev.sources {
		for _, r := range ev.rulesFor(s) {
			if kinds[r.Kind].earn == nil {
				continue
			}
			d := ev.decide(s, r, r.Reward)
			if !ev.eligible(r, s, d) {
				continue
			}
			exact, text := kinds[r.Kind].earn(r, s, d)
			if exact == nil {
				continue
			}
			if g := earned(s, r, r.Reward, exact, text, d); g != nil {
				out = append(out, g)
			}
		}
	}
	return out
}

// once keeps of the grants that a rule of some kinds has for one source and member the one that was earned first; they
// come in order of time.
func once(grants []*grant) []*grant {
	type claim struct {
		sourceKey
		rule string
	}
	first, dropped := map[claim]*grant{}, map[*grant]bool{}
	for _, g := range grants {
		k := claim{g.key(), g.rule.ID}
		if first[k] == nil {
			first[k] = g
			continue
		}
		dropped[g] = true
		g.decision.refuse(TimesLimit+string(kinds[g.rule.Kind].once), "it pays once, and did so on %s", first[k].on)
	}
	return without(grants, dropped)
}

// multiplyAll takes every source that was granted something through steps 1 to 3 of the multipliers.
func (ev *evaluation) multiplyAll(base []*grant) []*grant {
	type work struct {
		sourceTime
		rule string
	}
	granted, done := map[sourceTime][]*grant{}, map[work]bool{}
	for _, g := range base {
		granted[g.timeKey()] = append(granted[g.timeKey()], g)
	}
	var out []*grant
	for _, s := range ev.sources {
		for _, r := range ev.rulesFor(s) {
			k := work{s.timeKey(), r.ID}
			if kinds[r.Kind].extra == nil || done[k] {
				continue
			}
			done[k] = true
			extras := kinds[r.Kind].extra(r, s, granted[s.timeKey()])
			if len(extras) == 0 {
				if d := ev.decide(s, r, nil); ev.eligible(r, s, d) {
					d.refuse(RoundsToZero, "nothing was granted that it multiplies")
				}
			}
			for _, e := range extras {
				d := ev.decide(s, r, e.reward)
				if !ev.eligible(r, s, d) {
					continue
				}
				if g := earned(s, r, e.reward, e.exact, e.text, d); g != nil {
					out = append(out, g)
				}
			}
		}
	}
	return out
}

// rulesFor returns the rules of the version in force that look at the source, in file order.
func (ev *evaluation) rulesFor(s *source) []*program.Rule {
	var out []*program.Rule
	if s.version != nil {
		for _, r := range s.version.AllRules() {
			if looksAt(s.version, r, s) {
				out = append(out, r)
			}
		}
	}
	return out
}

// noteNotInForce notes, where somebody asked, of the rules that only other versions have that they are not in force.
func (ev *evaluation) noteNotInForce() {
	if ev.trace == nil {
		return
	}
	for _, s := range ev.sources {
		noted := map[string]bool{}
		for _, v := range ev.family.Versions {
			for _, r := range v.AllRules() {
				if noted[r.ID] || s.version != nil && s.version.RuleByID(r.ID) != nil || !looksAt(v, r, s) {
					continue
				}
				noted[r.ID] = true
				if d := ev.decide(s, r, r.Reward); s.mayEarn(d) {
					d.refuse(NotInForce, "no version in force on %s has the rule", s.on)
				}
			}
		}
	}
}

// decide starts a decision, nil where nobody asked for it.
func (ev *evaluation) decide(s *source, r *program.Rule, reward *program.Reward) *Decision {
	if !ev.wants(s) {
		return nil
	}
	d := &Decision{
		Rule: r.ID, Kind: r.Kind, SourceType: s.kind, SourceID: s.id, MemberID: s.memberID, Subject: s.subject(),
		EarnedAt: s.at.UTC(), EarnedOn: s.on, Tier: tierName(ev.atOrFirst(s), s.tier),
	}
	if s.version != nil {
		d.ProgramVersion = s.version.Version
	}
	if reward != nil {
		d.Reward = reward.ID
	}
	ev.decisions = append(ev.decisions, d)
	return d
}

// mayEarn is step 1 as far as it is the same for all rules: completed, not fully returned, member given and not closed
// on the date.
func (s *source) mayEarn(d *Decision) bool {
	switch {
	case s.status != completed:
		d.refuse(NotCompleted, "its status is %s", s.status)
	case s.purchase != nil && s.purchase.fullyReturned:
		d.refuse(Returned, "its returns reach its amount %s", s.purchase.Amount)
	case s.memberID == "":
		d.refuse(NoMember, "it names no member")
	case s.member.Closed:
		d.refuse(MemberClosed, "the member is closed since the delivery of %s", s.member.Delivery)
	default:
		return true
	}
	return false
}

// eligible is step 1 as far as it is the same for all kinds: what mayEarn asks, active, when.
func (ev *evaluation) eligible(r *program.Rule, s *source, d *Decision) bool {
	if !s.mayEarn(d) {
		return false
	}
	if !r.Active.Contains(s.on) {
		d.refuse(NotInForce, "%s is not within %s", s.on, spanText(r.Active))
		return false
	}
	if r.Active.From != pipeline.MinDate || r.Active.Until != pipeline.MaxDate {
		d.holds("active", "%s is within %s", s.on, spanText(r.Active))
	}
	if key, why := ev.failing(r.When, s, d); key != "" {
		d.refuse(WhenKey+key, "%s", why)
		return false
	}
	return true
}

// earned rounds an exact amount once (step 2) and clips it to per_transaction (step 3). nil where nothing is left.
func earned(s *source, r *program.Rule, reward *program.Reward, exact *big.Rat, text string, d *Decision) *grant {
	mode := cmp.Or(r.Rounding, reward.Rounding) // a multiplier without its own has the reward's (F1)
	g := &grant{source: s, rule: r, reward: reward, decision: d}
	g.amount = round(exact, reward.Scale, mode)
	if d != nil {
		d.Exact = ratText{exact}.String()
		if g.amount.Rat().Cmp(exact) != 0 {
			text += d.say(", %s to %s: %s", mode, placesText(reward.Scale), g.amount)
		}
	}
	d.step("earned", g.amount, "%s", text)
	if g.amount.IsZero() {
		d.refuse(RoundsToZero, "%s", text)
		return nil
	}
	if !g.clip() {
		return nil
	}
	g.ranked = g.amount
	return g
}

// clip is step 3. It reports false where nothing is left.
func (g *grant) clip() bool {
	limit := g.limit(pipeline.PerTransaction)
	if limit == nil || limit.Amount == nil {
		return true
	}
	const name = "amount:" + string(pipeline.PerTransaction)
	if !limit.Amount.LessThan(g.amount) {
		g.decision.step(name, g.amount, "per_transaction %s: all of %s kept", limit.Amount, g.amount)
		return true
	}
	g.decision.step(name, *limit.Amount, "per_transaction %s clips %s to %s", limit.Amount, g.amount, limit.Amount)
	g.amount = *limit.Amount
	if g.amount.IsZero() {
		g.decision.refuse(AmountLimit+string(pipeline.PerTransaction), "per_transaction allows 0")
	}
	return !g.amount.IsZero()
}

// bestOf is step 4: of the rules of one source that share a name and a reward only the largest amount stands, on a
// tie the rule first in the file (F31). It is called for multipliers by themselves (F15).
func bestOf(grants []*grant) []*grant {
	type contest struct {
		sourceKey
		name   string
		reward string
	}
	of := func(g *grant) contest { return contest{g.key(), g.rule.BestOf, g.reward.ID} }
	winners := map[contest]*grant{}
	for _, g := range grants {
		if w := winners[of(g)]; w == nil || g.amount.GreaterThan(w.amount) ||
			g.amount.Equal(w.amount) && g.rule.Place < w.rule.Place {
			winners[of(g)] = g
		}
	}
	var out []*grant
	for _, g := range grants {
		w := winners[of(g)]
		if g.rule.BestOf != "" && w != g {
			g.decision.refuse(BeatenBy+w.rule.ID, "best_of %s: %s pays %s, this %s", g.rule.BestOf, w.rule.ID, w.amount, g.amount)
			continue
		}
		if g.rule.BestOf != "" {
			g.decision.step("best_of", g.amount, "the largest of best_of %s%s", g.rule.BestOf, beaten(g, grants))
		}
		out = append(out, g)
	}
	return out
}

// beaten names the rules that a winner of best_of stands before, where somebody asked.
func beaten(winner *grant, grants []*grant) string {
	if winner.decision == nil {
		return ""
	}
	var others []string
	for _, g := range grants {
		if g != winner && g.key() == winner.key() && g.rule.BestOf == winner.rule.BestOf && g.reward.ID == winner.reward.ID {
			others = append(others, fmt.Sprintf("%s pays %s", g.rule.ID, g.amount))
		}
	}
	if len(others) == 0 {
		return ": no other rule of it pays"
	}
	return ": " + strings.Join(others, ", ") + ", this " + winner.amount.String()
}

// addUp makes one grant of those that a multiplier has for a source at several times: at the latest of them.
func addUp(grants []*grant) []*grant {
	type place struct {
		sourceKey
		rule, reward string
	}
	at := map[place]int{}
	var out []*grant
	for _, g := range grants {
		k := place{g.key(), g.rule.ID, g.reward.ID}
		i, known := at[k]
		if !known {
			at[k] = len(out)
			out = append(out, g)
			continue
		}
		sum := *out[i]
		if compareTimes(g.source, sum.source) > 0 {
			sum.source, sum.rule = g.source, g.rule
		}
		sum.amount = out[i].amount.Add(g.amount)
		out[i] = &sum
	}
	return out
}

func compareTimes(a, b *source) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.on, b.on)) }

// result turns what is left into entitlements, in a fixed order.
func (ev *evaluation) result(grants []*grant) Result {
	var out Result
	for _, g := range addUp(grants) {
		out.Entitlements = append(out.Entitlements, Entitlement{
			Rule: g.rule.ID, ProgramVersion: g.version.Version, MemberID: g.memberID, Reward: g.reward.ID,
			SourceType: g.kind, SourceID: g.id, EarnedAt: g.at.UTC(), EarnedOn: g.on, Amount: g.amount,
		})
	}
	slices.SortFunc(out.Entitlements, func(a, b Entitlement) int {
		return cmp.Or(strings.Compare(a.MemberID, b.MemberID), a.EarnedAt.Compare(b.EarnedAt),
			cmp.Compare(a.SourceType, b.SourceType), strings.Compare(a.SourceID, b.SourceID),
			strings.Compare(a.Rule, b.Rule), strings.Compare(a.Reward, b.Reward))
	})
	out.Seen = ev.seen
	for _, d := range ev.decisions {
		out.Decisions = append(out.Decisions, *d)
	}
	slices.SortStableFunc(out.Decisions, func(a, b Decision) int {
		return cmp.Or(a.EarnedAt.Compare(b.EarnedAt), strings.Compare(a.SourceID, b.SourceID),
			cmp.Compare(a.SourceType, b.SourceType))
	})
	return out
}
