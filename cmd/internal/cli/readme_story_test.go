package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The README's stories are what happens: their commands run one after the other, and each says what stands below it, the
// time that it took aside. They show what a terminal shows; a log has lines for the stages of runs, too.
func TestReadmeMonthRestated(t *testing.T) { tellStory(t, "A month restated", 8) }

func TestReadmeWhatFinanceSigns(t *testing.T) { tellStory(t, "What finance signs", 8) }

// tellStory runs a section of the README, which has so many commands or more.
func tellStory(t *testing.T, section string, least int) {
	t.Helper()
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n## "+section+"\n")
	story, _, closed := strings.Cut(rest, "\n## ")
	if !found || !closed {
		t.Fatal("README.md tells no story")
	}
	var script, files strings.Builder
	commands, want := 0, ""
	end := func() {
		if want = strings.TrimRight(want, "\n"); want != "" {
			want += "\n"
		}
		if commands > 0 {
			fmt.Fprintf(&files, "-- want%d --\n%s", commands, want)
			fmt.Fprintf(&script, "exec sh $WORK/cmd%d\ncmp stdout $WORK/want%d\n", commands, commands)
		}
		want = ""
	}
	const seconds = ` 2>&1 | sed -E -e '/^[0-9-]{10}T[0-9:]{8}Z  (run|backfill|dry run)/d' -e 's/[0-9]+\.[0-9] s$/0.4 s/'`
	dir := "."
	for _, line := range strings.Split(story, "\n") {
		code, ok := strings.CutPrefix(line, "    ")
		if !ok {
			if line == "" && want != "" {
				want += "\n" // inside an output; end cuts those behind it
			}
			continue
		}
		command, isCommand := strings.CutPrefix(code, "$ ")
		if to, ok := strings.CutPrefix(command, "cd "); ok && isCommand {
			dir = to
			continue
		}
		if !isCommand {
			want += code + "\n"
			continue
		}
		end()
		commands++
		fmt.Fprintf(&files, "-- cmd%d --\ncd $WORK/%s\n(%s)%s\n", commands, dir, command, seconds)
	}
	end()
	if commands < least {
		t.Fatalf("the story has only %d commands", commands)
	}
	scripts := t.TempDir()
	if err := os.WriteFile(filepath.Join(scripts, "story.txtar"), []byte(script.String()+files.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: scripts})
}
