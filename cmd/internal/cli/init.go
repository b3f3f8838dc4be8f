package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"accrue/fixtures/sample"
)

func (a *app) initCommand() *cobra.Command {
	return a.command("init DIR", "Write a sample project, ready to run", `Writes a working project into DIR: settings, a program that shows every kind of rule, cases for it, and two small deliveries.
DIR must be empty or not there yet: nothing is ever overwritten.`,
		"  accrue init demo\n  accrue --project demo run --date 2026-11-20", cobra.ExactArgs(1),
		func(_ context.Context, args []string) error { return a.initProject(args[0]) })
}

func (a *app) initProject(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return usageError{fmt.Errorf("%s is not empty (it holds %s): nothing was written", dir, entries[0].Name())}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return usageError{err}
	}
	if err := copySample(dir); err != nil {
		return err
	}
	fmt.Fprintf(a.out, `A sample project is in %[1]s. What to look at first:

  %[1]s/programs/jcb.yaml    what the program pays, with comments
  %[1]s/cases/jcb.yaml       what it must pay: cases for `+"`accrue test`"+`
  %[1]s/exports/             two deliveries: Friday 2026-11-20 and Saturday 2026-11-21

Next:

  cd %[1]s
  accrue check                                what the program says
  accrue test                                 whether it pays what the cases expect
  accrue run --date 2026-11-20                the first night
  accrue run --date 2026-11-21                the second: a refund, a late row, a corrected one
  accrue explain transaction TX-1008          why a purchase earned what it did
`, filepath.Clean(dir))
	return nil
}

// copySample writes the embedded sample project.
func copySample(dir string) error {
	return fs.WalkDir(sample.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(path))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		text, err := sample.Files.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o644)
	})
}
