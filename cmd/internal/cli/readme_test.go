package cli

import (
	"os"
	"strings"
	"testing"

	"accrue/pipeline/cases"
	"accrue/pipeline/program"
)

// The README's first program has ten lines, is right, and gives no warning.
func TestReadmeProgram(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```yaml\n")
	block, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("README.md shows no program")
	}
	if n := strings.Count(block, "\n"); n != 10 {
		t.Errorf("the program has %d lines", n)
	}
	p, faults := program.Parse("README.md", []byte(block))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, w := range p.Warnings {
		t.Error(w.Text())
	}
}

// Every command is in the README's table.
func TestReadmeNamesEveryCommand(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range (&app{}).root().Commands() {
		if !strings.Contains(string(text), "`accrue "+cmd.Name()) {
			t.Errorf("README.md does not name the command %s", cmd.Name())
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.Name())
		}
	}
}

// The case that the README shows comes out with the sample's program.
func TestReadmeCase(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\ncases:")
	block, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("README.md shows no case")
	}
	families, faults, err := program.LoadDir("../../../fixtures/sample/programs")
	if err != nil || len(faults) > 0 {
		t.Fatal(faults, err)
	}
	list, faults := cases.ParseFor("README.md", []byte("cases:"+block), families)
	if len(faults) > 0 || len(list) != 1 {
		t.Fatal(faults)
	}
	outcome, err := cases.Reference{}.Run(list[0])
	if err != nil {
		t.Fatal(err)
	}
	if diff := list[0].Diff(outcome); diff != "" {
		t.Error(diff)
	}
}
