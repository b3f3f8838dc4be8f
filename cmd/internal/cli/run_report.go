package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"accrue/jobs"
)

// writeRunReport tells in plain words what a run did.
func (a *app) writeRunReport(s *jobs.Summary) {
	p := newPaint(a.out)
	again := ""
	if s.Attempt > 1 {
		again = fmt.Sprintf(", attempt %d", s.Attempt)
	}
	fmt.Fprintf(a.out, "%s  %s%s, %.1f s\n", p.bold("Run "+s.Run), p.green(s.State), again, s.Seconds)
	for _, folder := range s.Recovered {
		fmt.Fprintf(a.out, "An earlier run was interrupted: %s was brought to its end.\n", folder)
	}
	a.writeCameIn(p, s)
	for _, ps := range s.Programs {
		a.writeGranted(p, s, ps)
	}
	if s.Example != "" {
		fmt.Fprintf(a.out, "\n%s\n  %s\n", p.bold("Ask why"), a.withProject("accrue explain transaction "+shellWord(s.Example)))
	}
}

func (a *app) writeCameIn(p paint, s *jobs.Summary) {
	fmt.Fprintf(a.out, "\n%s\n", p.bold("What came in"))
	if len(s.Deliveries) == 0 {
		fmt.Fprintf(a.out, "  nothing new\n")
	} else {
		dates := make([]string, len(s.Deliveries))
		for i, d := range s.Deliveries {
			dates[i] = d.Date
		}
		fmt.Fprintf(a.out, "  %s: %s\n", plural(int64(len(dates)), "delivery", "deliveries"), shorten(dates))
	}
	if len(s.Datasets) == 0 {
		return
	}
	rows := make([][]string, len(s.Datasets))
	for i, d := range s.Datasets {
		rows[i] = []string{d.Dataset, count(d.Read), count(d.Accepted), count(d.Duplicate), count(d.Superseded),
			count(d.Rejected), count(d.Waiting)}
	}
	writeTable(a.out, p, "  ", []column{words("dataset"), numbers("read"), numbers("accepted"), numbers("duplicate"),
		numbers("superseded"), numbers("rejected"), numbers("waiting")}, rows)
	var rejected, waiting int64
	for _, d := range s.Datasets {
		rejected, waiting = rejected+d.Rejected, waiting+d.Waiting
	}
	if rejected > 0 {
		fmt.Fprintf(a.out, "  %s rejected, with their reasons in %s/\n", plural(rejected, "row was", "rows were"), a.from("rejects"))
	}
	if waiting > 0 {
		fmt.Fprintf(a.out, "  %s for a transaction that has not come yet\n", plural(waiting, "row waits", "rows wait"))
	}
}

// shorten lists up to four dates.
func shorten(dates []string) string {
	if len(dates) <= 4 {
		return strings.Join(dates, ", ")
	}
	return dates[0] + ", " + dates[1] + ", … " + dates[len(dates)-1]
}

func (a *app) writeGranted(p paint, s *jobs.Summary, ps jobs.ProgramSummary) {
	fmt.Fprintf(a.out, "\n%s\n", p.bold("What was granted by "+programName(ps)))
	if len(ps.Published) == 1 && ps.ClosedThrough != "" && s.Date != ps.Published[0].PostedOn {
		fmt.Fprintf(a.out, "  Dates up to %s are closed: it is posted to %s.\n", ps.ClosedThrough, ps.Published[0].PostedOn)
	}
	if len(ps.Grants) == 0 {
		fmt.Fprintf(a.out, "  nothing: what is owed is already in the ledger\n")
	} else {
		rows := make([][]string, len(ps.Grants))
		for i, g := range ps.Grants {
			rows[i] = []string{g.Rule, g.Kind, count(g.Rows), thousands(g.Amount), g.Reward}
		}
		writeTable(a.out, p, "  ", []column{words("rule"), words("kind"), numbers("grants"), numbers("amount"),
			words("reward")}, rows)
	}
	if len(ps.Published) == 0 {
		return
	}
	fmt.Fprintf(a.out, "\n%s\n", p.bold("Where it is"))
	for _, pub := range ps.Published {
		names := make([]string, len(pub.Files))
		for i, f := range pub.Files {
			names[i] = f.Name
		}
		fmt.Fprintf(a.out, "  %s: %s, %s and manifest.json\n", a.from(pub.Folder), plural(pub.Rows, "grant", "grants"), shorten(names))
	}
}

// from makes a path of the project one that can be used from here.
func (a *app) from(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(a.project, path)
}

// withProject makes a command line that can be pasted: it calls this program as it was called, for the same project.
func (a *app) withProject(command string) string {
	program := "accrue"
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		program = shellWord(os.Args[0])
	}
	if a.project != "." {
		program += " --project " + shellWord(a.project)
	}
	return program + strings.TrimPrefix(command, "accrue")
}

// shellWord quotes a word for a shell where it must be.
func shellWord(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n'\"\\$`!*?[](){}<>|&;#~") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
