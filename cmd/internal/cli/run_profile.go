package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"accrue/jobs"
)

// profileFlag lets a command say where its time went. What it returns has the options ask for it, where it is wanted; end
// shows it and must be called.
func (a *app) profileFlag(cmd *cobra.Command) func(o *jobs.RunOptions) (end func()) {
	wanted := cmd.Flags().Bool("profile", false,
		"print where the time went, stage by stage and rule by rule, to standard error; --json has it under profile too")
	return func(o *jobs.RunOptions) func() {
		if !*wanted {
			return func() {}
		}
		o.Profile = &jobs.Profile{}
		return func() { a.writeProfile(o.Profile) }
	}
}

// writeProfile tells where the time of a run went: a line per stage, and per rule and statement of the evaluation,
// in the order in which they first ran.
func (a *app) writeProfile(p *jobs.Profile) {
	type key struct{ step, rule, statement string }
	var order []key
	sums := map[key]jobs.ProfileStage{}
	var seconds, cpu float64
	for _, s := range p.Stages {
		k := key{s.Step, s.Rule, s.Statement}
		sum, known := sums[k]
		if !known {
			order = append(order, k)
		}
		sum.Seconds, sum.CPU = sum.Seconds+s.Seconds, sum.CPU+s.CPU
		sums[k] = sum
		seconds, cpu = seconds+s.Seconds, cpu+s.CPU
	}
	if len(order) == 0 {
		return
	}
	row := func(k key, s jobs.ProfileStage) []string {
		return []string{k.step, k.rule, k.statement, fmt.Sprintf("%.3f", s.Seconds), fmt.Sprintf("%.3f", s.CPU),
			fmt.Sprintf("%.1f %%", 100*s.Seconds/max(seconds, 1e-9))}
	}
	rows := make([][]string, 0, len(order)+1)
	for _, k := range order {
		rows = append(rows, row(k, sums[k]))
	}
	rows = append(rows, row(key{step: "total"}, jobs.ProfileStage{Seconds: seconds, CPU: cpu}))
	fmt.Fprintln(a.err)
	writeTable(a.err, newPaint(a.err), "", []column{words("stage"), words("rule"), words("statement"),
		numbers("seconds"), numbers("CPU s"), numbers("share")}, rows)
}
