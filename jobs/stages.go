package jobs

import (
	"slices"
	"strings"
	"time"
)

// Stage is a part of a run that has ended. What a run does for every delivery or date is one stage, told when the last of
// them is done, or before that whenever it has come to ten seconds since it was told last.
type Stage struct {
	Run     string // "" for a backfill that writes nothing
	Program string // "" for what is done for all of them
	Name    string // "load transactions", "evaluate jcb"
	At      time.Time
	Seconds float64
	Rows    int64
	Counted bool // Rows is known
	Broken  bool // it did not come to its end
}

const (
	// longStage, in seconds, is what is told at once, whatever is still to come of it.
	longStage = 10
	// shortStage, in seconds, is below what nothing is told of a stage that is of no program and has no rows.
	shortStage = 0.1
)

// stageOf names the stage of a step, with the program that it is of. Stages that take turns have a group.
func stageOf(step, current string) (s Stage, group string) {
	kind, what, _ := strings.Cut(step, ".")
	switch {
	case step == stepLoad || step == "load.read":
		return Stage{Name: "read deliveries"}, kind
	case step == "load.settle" || step == "load.commit":
		return Stage{Name: "settle deliveries"}, kind
	case step == stepAcks || step == "load.acks":
		return Stage{Name: "load acknowledgements"}, ""
	case kind == "load":
		return Stage{Name: "load " + what}, kind
	case step == stepRunFinish || step == stepRunFinished:
		return Stage{Name: "sum up"}, ""
	case current == "": // also what an interrupted run had to write and to publish
		return Stage{Name: "recover"}, ""
	}
	s.Program = current
	switch {
	case step == stepEvaluate:
		s.Name = "evaluate " + current
	case step == stepDifference:
		s.Name = "compare " + current + " with the ledger"
	case step == stepLedgerPost:
		s.Name = "post " + current
	case step == "emit.readback":
		s.Name, group = "read back "+current, kind
	case kind == "emit":
		s.Name, group = "write "+current, kind
	default:
		s.Name = "publish " + current
	}
	return s, group
}

// stageLog sums up by stage what a profile measures, and tells it. A nil one does nothing.
type stageLog struct {
	night *night
	group string
	open  *Stage
	sums  []*Stage // of the group, as far as they are not told
}

// begin opens the stage of a step.
func (l *stageLog) begin(step string) {
	if l == nil {
		return
	}
	next, group := stageOf(step, l.night.current)
	if l.open != nil && l.open.Name == next.Name {
		return
	}
	l.tell(func(s *Stage) bool { return group == "" || group != l.group || s.Seconds >= longStage })
	l.group = group
	i := slices.IndexFunc(l.sums, func(s *Stage) bool { return s.Name == next.Name })
	if i < 0 {
		i, l.sums = len(l.sums), append(l.sums, &next)
	}
	l.open = l.sums[i]
}

// spent adds to the open stage.
func (l *stageLog) spent(seconds float64, now time.Time) {
	if l != nil && l.open != nil {
		l.open.Seconds, l.open.At = l.open.Seconds+seconds, now
	}
}

// count counts rows of the open stage.
func (l *stageLog) count(rows int64) {
	if l != nil && l.open != nil {
		l.open.Rows, l.open.Counted = l.open.Rows+rows, true
	}
}

// end tells what is left.
func (l *stageLog) end(failed bool) {
	if l == nil {
		return
	}
	if l.open != nil {
		l.open.Broken = failed
	}
	l.tell(func(*Stage) bool { return true })
	l.open = nil
}

// tell tells those that are due, in the order in which they ended.
func (l *stageLog) tell(due func(*Stage) bool) {
	slices.SortStableFunc(l.sums, func(a, b *Stage) int { return a.At.Compare(b.At) })
	l.sums = slices.DeleteFunc(l.sums, func(s *Stage) bool {
		if !due(s) {
			return false
		}
		if s.Counted || s.Broken || s.Program != "" || s.Seconds >= shortStage {
			if l.night.history != nil {
				s.Run = l.night.history.run
			}
			l.night.opts.Stage(*s)
		}
		return true
	})
}
