package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline"
	"accrue/pipeline/program"
)

func (a *app) checkCommand() *cobra.Command {
	var asJSON bool
	cmd := a.command("check", "Say what the program files pay, and what is wrong with them",
		`Reads accrue.yaml and all program files. Whatever is wrong is shown at once, with its place and a hint; what is legal
but looks dangerous is a warning; so is what a run would refuse because grants were posted by it. If nothing is wrong it
says what the programs pay.

Exit code 2 if a file is refused; warnings change nothing.`, "  accrue check\n  accrue check --json", cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.check(ctx, asJSON) })
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON what the programs say")
	return cmd
}

func (a *app) check(ctx context.Context, asJSON bool) error {
	project, err := a.open()
	if err != nil {
		return err
	}
	families, err := project.Programs()
	if err != nil {
		return err
	}
	warnings := 0
	for _, fam := range families {
		for i := range fam.Versions {
			for _, w := range fam.WarningsOf(i) {
				a.say("%s", strings.TrimRight(w.Text(), "\n"))
				warnings++
			}
		}
	}
	changed := a.changedPrograms(ctx, project, families)
	warnings += len(changed)
	if asJSON {
		return writeJSON(a.out, checkedJSON(families, changed))
	}
	p := newPaint(a.out)
	for i, fam := range families {
		for j, v := range fam.Versions {
			if i+j > 0 {
				fmt.Fprintln(a.out)
			}
			fmt.Fprintf(a.out, "%s%s\n", p.bold(fam.ID), describe(fam, j))
			rows := make([][]string, len(v.Rules))
			for k, r := range v.Rules {
				rows[k] = []string{r.ID, string(r.Kind), r.Description}
			}
			writeRows(a.out, "  ", []bool{false, false, false}, rows)
		}
	}
	if warnings > 0 {
		a.say("%s", plural(int64(warnings), "warning", "warnings"))
	}
	return nil
}

// changedPrograms warns of what a run would refuse because grants were posted by it. Where the warehouse cannot be
// read, that is said and nothing else: the files can be checked without it.
func (a *app) changedPrograms(ctx context.Context, project *jobs.Project, families []*program.Family) []string {
	changed, err := project.ChangedPrograms(ctx, families)
	if err != nil {
		a.say("The program files were not held against posted grants: %v", err)
		return nil
	}
	if changed == nil {
		return nil
	}
	for _, f := range changed.Faults() {
		a.say("warning: %s", f)
	}
	a.say("  hint: `accrue run` refuses this; %s", changed.Hint())
	return changed.Faults()
}

// describe says in a line what a version of a program is.
func describe(fam *program.Family, i int) string {
	v, span := fam.Versions[i], fam.Span(i)
	force := fmt.Sprintf("in force from %s", span.From)
	if span.Until != pipeline.MaxDate {
		force += fmt.Sprintf(" to %s", span.Until)
	}
	rewards := make([]string, len(v.Rewards))
	for k, r := range v.Rewards {
		rewards[k] = r.ID
	}
	currency := v.Currency
	if currency == "" {
		currency = "no currency"
	}
	return fmt.Sprintf(" version %d, %s: %s paying %s, %s, days of %s", v.Version, force,
		plural(int64(len(v.Rules)), "rule", "rules"), strings.Join(rewards, " and "), currency, v.TimeZone)
}

type programText struct {
	Program       string     `json:"program"`
	Version       int        `json:"version"`
	EffectiveFrom string     `json:"effective_from"`
	File          string     `json:"file"`
	Rules         []ruleText `json:"rules"`
	Warnings      []string   `json:"warnings"`
}

type ruleText struct {
	Rule        string `json:"rule"`
	Kind        string `json:"kind"`
	Description string `json:"description,omitempty"`
	Line        int    `json:"line"`
}

func checkedJSON(families []*program.Family, changed []string) []programText {
	var out []programText
	for _, fam := range families {
		for i, v := range fam.Versions {
			t := programText{Program: fam.ID, Version: v.Version, EffectiveFrom: v.EffectiveFrom.String(), File: v.File, Warnings: []string{}}
			for _, r := range v.Rules {
				t.Rules = append(t.Rules, ruleText{r.ID, string(r.Kind), r.Description, r.Pos.Line})
			}
			for _, w := range fam.WarningsOf(i) {
				t.Warnings = append(t.Warnings, program.Fault(w).Error())
			}
			out = append(out, t)
		}
	}
	for _, f := range changed { // what is said of a file that is missing stands with the first program
		i := max(0, slices.IndexFunc(out, func(t programText) bool { return strings.HasPrefix(f, t.File+":") }))
		out[i].Warnings = append(out[i].Warnings, f)
	}
	return out
}
