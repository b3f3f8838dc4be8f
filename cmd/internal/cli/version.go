package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"accrue/pipeline/warehouse"
)

func (a *app) versionCommand() *cobra.Command {
	return a.command("version", "Say which accrue this is", "Says which accrue this is and what it was built with.",
		"  accrue version", cobra.NoArgs, func(context.Context, []string) error {
			version := "development"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
				version = info.Main.Version
			}
			fmt.Fprintf(a.out, "accrue %s (%s, DuckDB driver %s)\n", version, runtime.Version(), warehouse.Driver)
			return nil
		})
}
