package jobs

import (
	"errors"
	"strings"
	"syscall"

	"accrue/pipeline/load"
	"accrue/pipeline/warehouse"
	"accrue/pipeline/yamlpos"
)

// Class sorts the ends of a command (the exit codes of spec section 11 are made of it).
type Class int

// Classes of errors.
const (
	Failed   Class = iota // something went wrong
	Refused               // a program file, a setting or an argument is refused before anything runs
	Findings              // breaks, rejects over the limit
	NotReady              // a delivery is not complete
	Busy                  // somebody else has the warehouse
)

// classified is an error that knows its class.
type classified interface{ Class() Class }

// hintError is an error with a suggestion what to do next.
type hintError struct {
	error
	hint  string
	class Class
	// passes: it may be gone in a while without anybody doing anything.
	passes bool
}

// Hint returns the suggestion.
func (e *hintError) Hint() string { return e.hint }

// Class returns the error's class.
func (e *hintError) Class() Class { return e.class }

// Unwrap returns the error without its suggestion.
func (e *hintError) Unwrap() error { return e.error }

// FaultsError holds everything that is wrong with files that people write.
type FaultsError struct{ Faults yamlpos.Faults }

// Error shows each fault with its line and its hint.
func (e *FaultsError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Text()
	}
	return strings.Join(texts, "\n")
}

// Class returns Refused.
func (e *FaultsError) Class() Class { return Refused }

// Class of a busy warehouse.
func (e *BusyError) Class() Class { return Busy }

// Hint says how to wait.
func (e *BusyError) Hint() string {
	if e.What != "" {
		return "one scheduler is enough; stop the other one first"
	}
	return "try again when it is done, or wait for it with `accrue run --wait 5m`"
}

// Hint returns what to do about an error, "" where that is for the reader to find out.
func Hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	if warehouse.Damaged(err) {
		return "the warehouse is damaged: `accrue rebuild` makes it anew from the deliveries and the published files"
	}
	return ""
}

// Classify sorts an error.
func Classify(err error) Class {
	var c classified
	var rejects *load.RejectsError
	switch {
	case errors.As(err, &c):
		return c.Class()
	case errors.As(err, &rejects):
		return Findings
	case errors.Is(err, load.ErrNotReady):
		return NotReady
	}
	return Failed
}

// passing are faults of the machine that are often gone after a while: a full disk, a share that is away.
var passing = []syscall.Errno{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.ESTALE, syscall.ENOTCONN, syscall.ENODEV, syscall.EHOSTDOWN,
	syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ETIMEDOUT, syscall.EAGAIN, syscall.EBUSY,
	syscall.EINTR, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ETXTBSY, syscall.ENOENT,
}

// MayPass reports whether it makes sense to try again later what ended with the error. A program file or a delivery that
// was refused stays refused until somebody changes it.
func MayPass(err error) bool {
	var h *hintError
	switch Classify(err) {
	case Busy:
		return true
	case Refused, Findings, NotReady:
		return false
	}
	if errors.As(err, &h) && h.passes || errors.Is(err, load.ErrChanging) {
		return true
	}
	for _, no := range passing {
		// DuckDB hands on the system's words, not its numbers.
		if errors.Is(err, no) || no != syscall.ENOENT && strings.Contains(err.Error(), strerror(no)) {
			return true
		}
	}
	return strings.Contains(err.Error(), "max_temp_directory_size")
}

// strerror writes an error number as the C library does.
func strerror(no syscall.Errno) string {
	text := no.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
