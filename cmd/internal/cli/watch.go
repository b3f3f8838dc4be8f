package cli

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"accrue/jobs"
)

func (a *app) quietFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.quiet, "quiet", false, "do not tell how far it is; warnings and errors are told")
}

// watch has runs tell how far they are: on a terminal in one line that is written over, in a log in a line for each
// stage. end must be called.
func (a *app) watch(o *jobs.RunOptions) (end func()) {
	switch {
	case a.quiet:
	case isTerminal(a.err):
		line := newProgress(a.err)
		o.Progress = line.at
		return line.end
	default:
		o.Stage = a.stageLine
	}
	return func() {}
}

// stageLine tells of a stage in the form of the scheduler's log.
func (a *app) stageLine(s jobs.Stage) {
	text := fmt.Sprintf("%.1f s", s.Seconds)
	switch {
	case s.Broken:
		text = "broken off after " + text
	case s.Counted:
		text = plural(s.Rows, "row", "rows") + ", " + text
		if s.Rows > 0 && s.Seconds >= 1 {
			text += fmt.Sprintf(", %s a second", count(int64(float64(s.Rows)/s.Seconds)))
		}
	}
	a.say("%s  %s  %s: %s", stamp(s.At), cmp.Or(s.Run, "dry run"), s.Name, text)
}
