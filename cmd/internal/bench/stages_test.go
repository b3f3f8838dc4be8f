//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"accrue/jobs"
)

// stages of a run, by how the names of their steps begin. What no step of theirs takes is the rest: the process's start and
// end, opening and closing the warehouse, publishing.
var stages = []struct {
	name  string
	steps []string
}{
	{"load", []string{"load"}},
	{"evaluate", []string{"evaluate"}},
	{"difference", []string{"difference", "ledger."}}, // and the ledger is posted
	{"write", []string{"emit.write", "emit.sync"}},
	{"read-back", []string{"emit.readback"}},
}

// laps are the seconds that a run with --json --profile took, by stage, and then the rest.
func (b *bench) laps(m measurement) []float64 {
	var told struct{ Profile jobs.Profile }
	if err := json.Unmarshal(m.output, &told); err != nil {
		b.t.Fatalf("%v in %q", err, m.output)
	}
	out := make([]float64, len(stages)+1)
	rest := &out[len(stages)]
	*rest = m.seconds
	for _, s := range told.Profile.Stages {
		for i, stage := range stages {
			if slices.ContainsFunc(stage.steps, func(step string) bool { return strings.HasPrefix(s.Step, step) }) {
				out[i] += s.Seconds
				*rest -= s.Seconds
			}
		}
	}
	// A step that has another name now would be lost in the rest.
	for i, stage := range stages {
		if out[i] == 0 {
			b.t.Errorf("no step of the run belongs to the stage %q", stage.name)
		}
	}
	return out
}

// writeStages says how the seconds of runs fall on their stages, and their shares.
func (b *bench) writeStages(out *strings.Builder, runs []row) {
	fmt.Fprintf(out, "\n  %-24s", "seconds by stage")
	for _, stage := range stages {
		fmt.Fprintf(out, " %13s", stage.name)
	}
	fmt.Fprintf(out, " %13s\n", "rest")
	for _, r := range runs {
		fmt.Fprintf(out, "  %-24s", r.name)
		for _, seconds := range b.laps(r.m) {
			fmt.Fprintf(out, " %7.2f %3.0f %%", seconds, 100*seconds/r.m.seconds)
		}
		out.WriteByte('\n')
	}
}
