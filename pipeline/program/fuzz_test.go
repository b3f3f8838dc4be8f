package program_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/program"
)

// FuzzProgram: whatever the text, there is a program or there are faults, never both and never a panic; every fault
// has a place in the file, and a program can be put into a family. What says nothing changes nothing: a comment, and
// line ends of another system.
func FuzzProgram(f *testing.F) {
	for _, pattern := range []string{goodPrograms + "/*.yaml", badPrograms + "/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds: %v", err)
		}
		for _, file := range files {
			text := read(f, file)
			f.Add(text)
			f.Add(text[:len(text)/2])
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, faults := program.Parse("f.yaml", text)
		if (p == nil) == (len(faults) == 0) {
			t.Fatalf("program %v, faults %v", p, faults)
		}
		for _, fault := range faults {
			if fault.Pos.File != "f.yaml" || fault.Pos.Line < 1 || fault.Pos.Column < 1 || fault.Message == "" {
				t.Errorf("a fault without a place: %+v", fault)
			}
			if fault.Source != "" && fault.Caret > utf8.RuneCountInString(fault.Source)+1 {
				t.Errorf("the caret stands behind the line: %+v", fault)
			}
			_ = fault.Text()
		}
		if !slices.IsSortedFunc(faults, func(a, b program.Fault) int {
			if a.Pos.Line != b.Pos.Line {
				return a.Pos.Line - b.Pos.Line
			}
			return a.Pos.Column - b.Pos.Column
		}) {
			t.Errorf("not in order: %v", faults)
		}
		if p == nil {
			return
		}
		checkProgram(t, p)
		changed := append(bytes.Clone(text), "\n# the end\n"...)
		if !bytes.ContainsRune(text, '\r') {
			changed = bytes.ReplaceAll(changed, []byte{'\n'}, []byte("\r\n"))
		}
		q, faults := program.Parse("f.yaml", changed)
		if q == nil {
			t.Fatalf("with a comment and other line ends: %v", faults)
		}
		if d := cmp.Diff(p, q, same); d != "" {
			t.Errorf("with a comment and other line ends (-without +with):\n%s", d)
		}
	})
}

// checkProgram checks what everybody behind this package takes for granted.
func checkProgram(t *testing.T, p *program.Program) {
	if p.ID == "" || p.Version < 1 || p.Location == nil || len(p.Rewards) == 0 || len(p.Rules) == 0 || p.DefaultTier >= len(p.Tiers) {
		t.Errorf("half a program: %+v", p)
	}
	for _, r := range p.Rules {
		isMultiplier := r.Kind == program.KindMultiplier
		if r.ID == "" || r.Body == nil || r.Body.Kind() != r.Kind || (r.Reward == nil) != isMultiplier || r.Rounding == "" && !isMultiplier {
			t.Errorf("half a rule: %+v", r)
		}
		if m, ok := r.Body.(*program.Multiplier); ok && len(m.Of) == 0 {
			t.Errorf("a multiplier of nothing: %+v", r)
		}
	}
	if _, faults := program.NewFamily([]*program.Program{p}); len(faults) > 0 {
		t.Errorf("no family: %v", faults)
	}
}
