package load

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"accrue/pipeline"
	"accrue/schemas"
)

// ErrChanging says that a file is being written while it is read: it may be whole in a while.
var ErrChanging = errors.New("is being written while it is read; run again when the delivery is complete")

// FileError says what is wrong with a file as a whole. Line and Column count from 1 and are 0 where there is none.
type FileError struct {
	Path         string
	Line, Column int64
	What         string
	Err          error // what lies below; nil for none
}

func (e *FileError) Error() string {
	place := e.Path
	if e.Line > 0 {
		place += fmt.Sprintf(":%d", e.Line)
		if e.Column > 0 {
			place += fmt.Sprintf(":%d", e.Column)
		}
	}
	return place + ": " + e.What
}

// Unwrap returns what lies below.
func (e *FileError) Unwrap() error { return e.Err }

// ControlError says that a delivery's files do not hold what its control.json says.
type ControlError struct {
	Path        string
	Differences []string // one sentence each, with both figures and the difference
}

func (e *ControlError) Error() string { return e.Path + ": " + strings.Join(e.Differences, "; ") }

// RejectsError says that too many rows of a delivery were rejected. Nothing of the delivery was loaded.
type RejectsError struct {
	Delivery pipeline.Date
	Limit    MaxRejects
	Over     []DatasetRejects // datasets over the limit
	File     string           // where the rejected rows are to be read
}

// DatasetRejects counts the rejected rows of one dataset.
type DatasetRejects struct {
	Dataset  string
	Rows     int64
	Rejected int64
	ByReason map[schemas.RejectReason]int64
}

func (e *RejectsError) Error() string {
	parts := make([]string, len(e.Over))
	for i, d := range e.Over {
		parts[i] = fmt.Sprintf("%d of %d rows of %s rejected (%s)", d.Rejected, d.Rows, d.Dataset, byReason(d.ByReason))
	}
	return fmt.Sprintf("%s; the limit is %s; the rows are in %s", strings.Join(parts, "; "), e.Limit, e.File)
}

// byReason writes counts by reason, the most frequent first.
func byReason(counts map[schemas.RejectReason]int64) string {
	reasons := make([]schemas.RejectReason, 0, len(counts))
	for r := range counts {
		reasons = append(reasons, r)
	}
	sort.Slice(reasons, func(i, j int) bool {
		a, b := reasons[i], reasons[j]
		return counts[a] > counts[b] || counts[a] == counts[b] && a < b
	})
	parts := make([]string, len(reasons))
	for i, r := range reasons {
		parts[i] = fmt.Sprintf("%s %d", r, counts[r])
	}
	return strings.Join(parts, ", ")
}
