package reference

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// Reasons why a source earns nothing by a rule (section 6). Those that end in a colon are followed by a rule or a
// period, when_ by a key of `when`.
const (
	NotCompleted      = "not_completed"
	Returned          = "returned"
	NoMember          = "no_member"
	MemberClosed      = "member_closed"
	NotInForce        = "not_in_force"
	WhenKey           = "when_"
	BelowMinSpend     = "below_min_spend"
	NoQualifyingItems = "no_qualifying_items"
	SameVisit         = "same_visit"
	RoundsToZero      = "rounds_to_zero"
	BeatenBy          = "beaten_by:"
	TimesLimit        = "times_limit:"
	AmountLimit       = "amount_limit:"
	OverBudget        = "budget"
	OverProgramLimit  = "program_limit:"
	NotQualified      = "not_qualified"
	NoSuchCode        = "no_such_code"
	CodeExpired       = "code_expired"
	CodeUsedUp        = "code_used_up"
)

// Decision is what a rule did with one source, and for one member and reward.
type Decision struct {
	Rule           string
	Kind           program.Kind // of the rule
	ProgramVersion int          // 0 where none was in force
	SourceType     pipeline.SourceType
	SourceID       string
	MemberID       string
	Subject        string // the activity's, empty for others
	Reward         string // empty where the rule got no further than to a multiplier without anything to multiply
	EarnedAt       time.Time
	EarnedOn       pipeline.Date
	Tier           string          // the member's on the date, "none" in a program without tiers
	Holds          []Condition     // what step 1 asked and found to hold, in order
	Lines          []LineDecision  // what the rule makes of each line, where it has items
	Exact          string          // what was earned before rounding; empty where the rule got no further than to step 1
	Steps          []Step          // what was worked out, in order
	Amount         decimal.Decimal // in the end; zero where Reason is set
	Reason         string          // the first reason why not; empty where it pays
	Why            string          // the reason in figures
}

// Step is one step of a decision: what it did, as arithmetic, and the amount after it.
type Step struct {
	Name   string // basis, then by section 6: earned, amount:per_transaction, best_of, times:…, amount:…, budget, program:…
	Text   string // "floor(250 / 100) × 3 = 6"
	Amount decimal.Decimal
}

// Condition is one thing that a rule asks of a source and that holds: its name (active, when_<key>, min_spend, items,
// min_gap, …) and what the source has.
type Condition struct{ Name, Text string }

// LineDecision is what a rule's items make of one line of a purchase.
type LineDecision struct {
	LineNo    string
	Qualifies bool
	Why       string // what it matches, or why it does not qualify
}

// holds notes a condition that the source fulfils.
func (d *Decision) holds(name, format string, args ...any) {
	if d != nil {
		d.Holds = append(d.Holds, Condition{Name: name, Text: fmt.Sprintf(format, args...)})
	}
}

// step notes an amount. A nil Decision, where nobody asked, notes nothing.
func (d *Decision) step(name string, amount decimal.Decimal, format string, args ...any) {
	if d != nil {
		d.Steps = append(d.Steps, Step{Name: name, Text: fmt.Sprintf(format, args...), Amount: amount})
		d.Amount = amount
	}
}

// say formats a text, or nothing where nobody asked.
func (d *Decision) say(format string, args ...any) string {
	if d == nil {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

// refuse notes the reason why not.
func (d *Decision) refuse(reason, format string, args ...any) {
	if d != nil {
		d.Reason, d.Why, d.Amount = reason, fmt.Sprintf(format, args...), decimal.Zero
	}
}

// lastText is the text of the last step.
func (d *Decision) lastText() string {
	if d == nil || len(d.Steps) == 0 {
		return ""
	}
	return d.Steps[len(d.Steps)-1].Text
}

// ordinal writes 1st, 2nd, 3rd, 4th, …
func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}
