package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/tell"
)

func (a *app) programCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "program", Short: "Tell what a program pays",
		Example: "  accrue program show\n  accrue program show programs/jcb.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("what about programs? `accrue program show [FILE|ID]`, not %q", args[0])
			}
			return errors.New("what about programs? `accrue program show [FILE|ID]`")
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(a.programShowCommand())
	return cmd
}

func (a *app) programShowCommand() *cobra.Command {
	var asJSON bool
	var version int
	cmd := a.command("show [FILE|ID]", "Tell a program file back in plain sentences, rule by rule",
		`Says in sentences what a program pays, rule by rule, so that people who do not read program files can agree to it: who
earns how much for what, under which conditions, up to which limits. Of a program with several versions the newest one is
told, and what each version changed.

FILE is a program file, ID a program of the project; without either, all programs of the project are told.`,
		`  accrue program show
  accrue program show jcb --version 1
  accrue program show drafts/new.yaml`, cobra.MaximumNArgs(1),
		func(_ context.Context, args []string) error {
			families, err := a.told(args)
			if err != nil {
				return err
			}
			return a.showPrograms(families, version, asJSON)
		})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the sentences of all versions as JSON")
	cmd.Flags().IntVar(&version, "version", 0, "tell this version (default: the newest)")
	return cmd
}

// told finds what is asked for: a file, a program of the project, or all of them.
func (a *app) told(args []string) ([]*program.Family, error) {
	if len(args) == 1 {
		if info, err := os.Stat(args[0]); err == nil && !info.IsDir() {
			p, err := jobs.ReadProgram(args[0])
			if err != nil {
				return nil, err
			}
			return []*program.Family{{ID: p.ID, Versions: []*program.Program{p}}}, nil
		}
	}
	project, err := a.open()
	if err != nil {
		return nil, err
	}
	families, err := project.Programs()
	if err != nil || len(args) == 0 {
		return families, err
	}
	var known []string
	for _, fam := range families {
		if fam.ID == args[0] {
			return []*program.Family{fam}, nil
		}
		known = append(known, fam.ID)
	}
	return nil, usageError{fmt.Errorf("%s is neither a file nor a program of this project; its programs are %s", args[0], strings.Join(known, ", "))}
}

func (a *app) showPrograms(families []*program.Family, version int, asJSON bool) error {
	var shown [][]tell.Version
	for _, fam := range families {
		shown = append(shown, tell.Family(fam))
	}
	if asJSON {
		return writeJSON(a.out, toldJSON(shown))
	}
	for i, versions := range shown {
		at := len(versions) - 1
		for k, v := range versions {
			if v.Number == version {
				at = k
			}
		}
		if version != 0 && versions[at].Number != version {
			return usageError{fmt.Errorf("program %s has no version %d; the newest is %d", versions[at].Program, version, versions[at].Number)}
		}
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		a.writeProgram(versions[at])
		for _, v := range versions[1:] {
			a.writeChanges(v)
		}
	}
	return nil
}

// writeProgram shows a version, every rule under its id.
func (a *app) writeProgram(v tell.Version) {
	p := newPaint(a.out)
	name := v.Program
	if v.Name != "" {
		name = v.Name + " (" + v.Program + ")"
	}
	fmt.Fprintf(a.out, "%s, version %d, %s\n\n", p.bold(name), v.Number, forceWords(v.Span))
	for _, s := range v.Frame {
		wrapHanging(a.out, "  - ", s)
	}
	for _, r := range v.Rules {
		fmt.Fprintf(a.out, "\n%s\n", p.bold(r.ID))
		wrap(a.out, "  ", strings.Join(r.Sentences, " "))
	}
}

func (a *app) writeChanges(v tell.Version) {
	p := newPaint(a.out)
	fmt.Fprintf(a.out, "\n%s, %s:\n", p.bold(fmt.Sprintf("Since version %d", v.Number)), forceWords(v.Span))
	if len(v.Changes) == 0 {
		wrapHanging(a.out, "  - ", "nothing is said otherwise.")
	}
	for _, s := range v.Changes {
		wrapHanging(a.out, "  - ", s)
	}
}

// forceWords says when a version is in force.
func forceWords(s program.Span) string {
	if s.Until == pipeline.MaxDate {
		return fmt.Sprintf("in force from %s", s.From)
	}
	return fmt.Sprintf("in force from %s to %s", s.From, s.Until)
}

type toldText struct {
	Program  string        `json:"program"`
	Versions []toldVersion `json:"versions"`
}

type toldVersion struct {
	Version       int        `json:"version"`
	EffectiveFrom string     `json:"effective_from"`
	Name          string     `json:"name,omitempty"`
	File          string     `json:"file"`
	Says          []string   `json:"says"`
	Rules         []toldRule `json:"rules"`
	Changes       []string   `json:"changes,omitempty"`
}

type toldRule struct {
	Rule        string   `json:"rule"`
	Kind        string   `json:"kind"`
	Description string   `json:"description,omitempty"`
	Line        int      `json:"line"`
	Says        []string `json:"says"`
}

func toldJSON(shown [][]tell.Version) []toldText {
	var out []toldText
	for _, versions := range shown {
		t := toldText{Program: versions[0].Program}
		for _, v := range versions {
			tv := toldVersion{Version: v.Number, EffectiveFrom: v.Span.From.String(), Name: v.Name, File: v.File, Says: v.Frame, Changes: v.Changes}
			for _, r := range v.Rules {
				tv.Rules = append(tv.Rules, toldRule{r.ID, string(r.Kind), r.Description, r.Line, r.Sentences})
			}
			t.Versions = append(t.Versions, tv)
		}
		out = append(out, t)
	}
	return out
}
