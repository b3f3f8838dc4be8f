package cli

import (
	"os"
	"strings"
	"testing"

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
