package explain

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/reference"
)

// A stage is a step of section 6 by its place; what comes before amounts are worked out is stage 0.
const (
	stageEarned = 1 + iota
	stagePerTransaction
	stageBestOf
	stageTimes   // and one more for each period
	stageAmounts = stageTimes + 10
	stageBudget  = stageAmounts + 10
	stageProgram = stageBudget + 1
	stageEnd     = stageProgram + 10
)

// stageOfStep returns the stage of a step of a decision by its name.
func stageOfStep(name string) int {
	what, period, _ := strings.Cut(name, ":")
	n := slices.Index(pipeline.Periods, pipeline.Period(period))
	switch {
	case what == "earned":
		return stageEarned
	case what == "amount" && n == 0:
		return stagePerTransaction
	case what == "best_of":
		return stageBestOf
	case what == "times":
		return stageTimes + n
	case what == "amount":
		return stageAmounts + n
	case what == "budget":
		return stageBudget
	case what == "program":
		return stageProgram + n
	}
	return 0
}

// stageOfReason returns the stage at which a decision came to its end; stageEnd where it pays.
func stageOfReason(reason string) int {
	for _, r := range [...]struct{ reason, step string }{
		{reference.TimesLimit, "times:"}, {reference.AmountLimit, "amount:"}, {reference.OverProgramLimit, "program:"},
	} {
		if period, found := strings.CutPrefix(reason, r.reason); found {
			return stageOfStep(r.step + period)
		}
	}
	switch {
	case reason == "":
		return stageEnd
	case reason == reference.RoundsToZero:
		return stageEarned
	case strings.HasPrefix(reason, reference.BeatenBy):
		return stageBestOf
	case reason == reference.CodeUsedUp:
		return stageAmounts - 1 // between the slots and the amounts
	case reason == reference.OverBudget:
		return stageBudget
	}
	return 0
}

// amountAfter returns what the stages from first to last left, zero where one of them took everything; ok is false where
// the decision did not get as far.
func amountAfter(d *reference.Decision, first, last int) (left decimal.Decimal, ok bool) {
	end := stageOfReason(d.Reason)
	if end < first {
		return left, false
	}
	if end <= last {
		return decimal.Zero, true
	}
	for _, s := range d.Steps {
		if n := stageOfStep(s.Name); 0 < n && n <= last {
			left = s.Amount
		}
	}
	return left, true
}
