// Command accrue is a batch accrual engine for loyalty programs.
package main

import (
	_ "time/tzdata" // nothing depends on the machine's zones

	"accrue/cmd/internal/cli"
)

func main() { cli.Main() }
