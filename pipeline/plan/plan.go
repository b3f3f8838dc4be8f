// Package plan turns the versions of a program into a table of passes: what is computed, from what, in which order
// and why it stands there. It holds no SQL text and touches no file; sqlgen renders it.
//
// All numbers are integers here. Money and points are ten-thousandths (pipeline.Amount); rates are fractions in
// lowest terms, worked out once, so that the passes never divide decimals (DuckDB would answer in DOUBLE).
package plan

import (
	"accrue/pipeline"
	"accrue/pipeline/program"
)

// Plan is what one evaluation of a program does.
type Plan struct {
	Family    *program.Family
	Horizon   pipeline.Date // sources with a later business date are unknown (F45)
	Needs     Needs
	Qualifies []Qualify // distinct ways in which referrals qualify
	Lines     []LineSet // distinct line filters, shared by all rules that use them
	Rules     []*Rule   // by rule id, multipliers after the rules they multiply
	Rewards   []Reward  // over all versions, in order of first appearance
	Limits    []ProgramLimit
	// SpendTiers has an entry for each version that takes its tiers from spend; Windows are the numbers of days before
	// a date that they add it up over, 0 for all of them.
	SpendTiers []SpendTiers
	Windows    []int
}

// Needs says which attributes of sources the rules look at, so that nothing else is carried along.
type Needs struct {
	Transactions, Activities       bool
	Birthdays, Referrals           bool
	Tags, Joined                   bool
	Store, Region, Channel, Hours  bool
	FirstPurchase, Subject, Values bool
	Gap                            int64 // the largest min_gap, microseconds; 0 for none
}

// JoinedDay reports whether anything looks at the date on which a member joined.
func (n Needs) JoinedDay() bool { return n.Joined || n.Birthdays }

// Reward is a reward id over all versions.
type Reward struct {
	ID    string
	Scale int // the largest of all versions
}

// Source says what a rule version draws its candidates from.
type Source string

// Sources of candidates.
const (
	FromTransactions Source = "transactions"
	FromActivities   Source = "activities"
	FromBirthdays    Source = "birthdays"
	FromReferrals    Source = "referrals"
	FromGiftCodes    Source = "gift_codes" // activities that redeem a code
	FromGranted      Source = "granted"    // what other rules were granted: multipliers
)

// Rule is a rule id with its versions. A rule keeps its identity by its id: limits count over all versions.
type Rule struct {
	No         int
	ID         string
	Multiplier bool
	Versions   []*RuleVersion
	// Once: a source may give several candidates, at different times, of which only the earliest stands: a member's
	// birthdays of one year (F35), a referral by several versions (F8).
	Once bool
	// Sums: grants of one source that were earned at different times may come together in this multiplier, each of them
	// a source of its own (F14): what they make is added up in the end, at the latest of the times.
	Sums bool
	// Referees is the rule of a referral's referees, Referrers that of its referrers: the two share a budget (F9).
	Referees, Referrers *Rule
	Passes              []Pass // after the candidates, in order
}

// RuleVersion is the rule as one version of the program has it.
type RuleVersion struct {
	Ver        int // index in Family.Versions
	Rule       *program.Rule
	Days       program.Span // business dates on which it is in force, active and not after the horizon
	Source     Source
	Types      []string      // of activities
	Of         []int         // rule numbers, of a multiplier
	Feb29      program.Feb29 // of a birthday rule
	Codes      []Code        // of a gift code rule
	Referee    bool          // of a referral rule: it pays the referee
	Qualify    int           // index in Plan.Qualifies, -1 for a referral that pays at once
	WithinDays *int64        // business dates after a referral within which it qualifies; nil without end
	RewardNo   int           // -1 for a multiplier: that of the grant
	Lines      int           // index in Plan.Lines, -1 for none
	AnyLine    bool          // at least one line of Lines must qualify
	Where      []Cond
	Count      *Count // of a milestone: what its orders are counted up to; nil for other kinds
	Earn       []Earn
	Clip       *int64 // limits.per_transaction.amount
	BestOf     string
}

// Count says which thresholds an order can cross. What is counted goes over the eligible orders of all versions that
// count, each version in its own way (F11).
type Count struct {
	Sum    bool            // thresholds are sums of spend bases, ten-thousandths; else numbers of orders
	Period pipeline.Period // where counting starts again
	Every  int64           // every multiple of it is a threshold; 0 where At lists them
	At     []int64         // ascending
}

// Attr is an attribute of a source that a condition looks at.
type Attr string

// Attributes.
const (
	AttrTier          Attr = "tier"           // index into the version's tiers
	AttrTag           Attr = "tag"            // any of the member's tags
	AttrStore         Attr = "store"          //
	AttrRegion        Attr = "region"         // of the store
	AttrChannel       Attr = "channel"        //
	AttrWeekday       Attr = "weekday"        // 0 Monday to 6 Sunday, of the business date
	AttrMinute        Attr = "minute"         // of the local wall clock after midnight
	AttrFirstPurchase Attr = "first_purchase" // 1 the member's earliest order, 0 another order, absent for no order
	AttrJoinedDays    Attr = "joined_days"    // business dates since the member joined
	AttrSubject       Attr = "subject"        //
	AttrBasis         Attr = "basis"          // spend basis
	AttrQualifying    Attr = "qualifying"     // qualifying sum of the rule's lines
	AttrGap           Attr = "gap"            // microseconds since the member's previous transaction, absent for the first
)

// Cond is a condition on one attribute. An absent attribute does not hold (F40), unless OrAbsent.
type Cond struct {
	Key      string // of the reason why not, as spec section 6 names it: when_tiers, below_min_spend, same_visit, …
	Attr     Attr
	Texts    []string // one of these
	Ints     []int64  // one of these
	Ranges   []Range  // in one of these
	OrAbsent bool
}

// Range is a span of integers, both inclusive; nil is unbounded.
type Range struct{ Min, Max *int64 }

// Input is the integer that an amount is worked out from.
type Input string

// Inputs.
const (
	InputNone       Input = "none"       // a fixed amount
	InputBasis      Input = "basis"      // spend basis, ten-thousandths
	InputQualifying Input = "qualifying" // qualifying sum, ten-thousandths
	InputUnits      Input = "units"      // net quantity of the qualifying lines, ten-thousandths
	InputGranted    Input = "granted"    // what the multiplied rules were granted, ten-thousandths
	InputCode       Input = "code"       // what the gift code earns, millionths
	InputValue      Input = "value"      // the activity's value, ten-thousandths
	InputCrossed    Input = "crossed"    // how many thresholds of a milestone the order crosses
)

// Earn is an exact amount rounded once: with x the input and steps = ⌊x·StepMul / StepDiv⌋ where StepDiv > 0, else
// x (1 for InputNone), the amount in ten-thousandths is round(steps·Num / Den)·Unit.
type Earn struct {
	Subjects         []string // only for these subjects; nil for all others
	Reward           int      // of a multiplier: only for grants in this reward
	Input            Input
	StepMul, StepDiv Int
	ByTier           []Rate // one per tier of the version, or exactly one for all
	Rounding         program.Rounding
	Unit             int64 // ten-thousandths of one step of the reward's scale
}

// Rate is a fraction in lowest terms; Num 0 earns nothing.
type Rate struct{ Num, Den Int }

// LineSet is a filter over lines.
type LineSet struct{ Filter program.ItemFilter }

// PassKind names a pass.
type PassKind string

// The passes behind the candidates, in the order of spec section 6. Candidates hold steps 1 to 3.
const (
	PassBestOf PassKind = "best_of" // step 4
	PassTimes  PassKind = "times"   // step 5
	PassCodes  PassKind = "codes"   // between 5 and 6: how often a gift code can be redeemed
	PassAmount PassKind = "amount"  // step 6
	PassBudget PassKind = "budget"  // step 7
)

// Pass is one step over all candidates of a rule. Caps holds what each version allows, nil for a version without;
// the order in which a version ranks is its own (F32), the sums are over all versions (F6).
type Pass struct {
	Kind   PassKind
	Period pipeline.Period
	Caps   []Cap
	Why    string
}

// Cap is what one version allows in a pass.
type Cap struct {
	Ver        int
	Value      *int64 // times, or ten-thousandths
	PerSubject bool
	Highest    bool
}

// ProgramLimit bounds all rules together in one reward and period (step 9).
type ProgramLimit struct {
	RewardNo int
	Period   pipeline.Period
	Caps     []Cap
}
