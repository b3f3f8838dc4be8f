package schemas

// ClosingFormat is the value of Closing.Format that this version writes.
const ClosingFormat = "accrue.closing/1"

// ClosingsDir is the folder of a program's closings, beside its dates.
const ClosingsDir = "closings"

// Closing is what stands in closings/NNN.json beside a program's published dates: one thing that `accrue close` was told.
// The doc tags are the reference for people.
type Closing struct {
	Format        string `json:"format" doc:"the form of this file: accrue.closing/1"`
	Program       string `json:"program" doc:"the program"`
	N             int    `json:"n" doc:"counts the program's closings and reopenings from 1"`
	Act           string `json:"act" doc:"close or reopen"`
	ClosedThrough string `json:"closed_through" doc:"the last closed date from then on, empty where everything is open"`
	At            string `json:"at" doc:"when it was told, RFC 3339 in UTC"`
}

// Acts of a closing.
const (
	ActClose  = "close"
	ActReopen = "reopen"
)
