package cli

import (
	"errors"

	"accrue/jobs"
)

// Exit codes (spec section 11).
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2 // usage, or a program file refused
	exitFindings = 3 // breaks, rejects over the limit, failed cases
	exitNotReady = 4 // a delivery is not complete
	exitBusy     = 5 // somebody else has the warehouse
)

// quiet is an error about which everything has been said.
type quiet struct{ code int }

// Error is never shown.
func (quiet) Error() string { return "already reported" }

// usageError is a fault in how the command was called.
type usageError struct{ error }

// exitCode sorts an error.
func exitCode(err error) int {
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	switch jobs.Classify(err) {
	case jobs.Refused:
		return exitUsage
	case jobs.Findings:
		return exitFindings
	case jobs.NotReady:
		return exitNotReady
	case jobs.Busy:
		return exitBusy
	}
	return exitFailed
}
