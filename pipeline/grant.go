package pipeline

import (
	"strconv"
	"strings"
)

// SourceType says what kind of fact a grant was earned by.
type SourceType string

// Source types. A milestone's source is the transaction that reached it, a referral's its own activity row.
const (
	SourceTransaction SourceType = "transaction"
	SourceActivity    SourceType = "activity"
	SourceBirthday    SourceType = "birthday" // id "<member>:<year>"
)

// GrantKind says how a ledger row stands to the earlier ones of its source, rule and member.
type GrantKind string

// Grant kinds: the first row is an accrual; later ones are adjustments above zero and reversals below.
const (
	Accrual    GrantKind = "accrual"
	Adjustment GrantKind = "adjustment"
	Reversal   GrantKind = "reversal"
)

// GrantKinds lists the kinds in the order in which control totals show them.
var GrantKinds = []GrantKind{Accrual, Adjustment, Reversal}

// Grant is one row of the ledger and of a grant file: the difference that was posted for a source, a rule, a member
// and a reward.
type Grant struct {
	GrantID        string // see GrantID
	Program        string
	ProgramVersion int32
	MemberID       string
	Rule           string
	Reward         string
	Amount         Amount // never zero
	Kind           string // a GrantKind
	SourceType     string // a SourceType
	SourceID       string
	EarnedUS       int64 // instant of the source, microseconds since the epoch
	EarnedOn       Date
	PostedOn       Date
	AvailableOn    Date
	ExpiresOn      Date   // the last day of validity
	Expires        bool   // ExpiresOn is set; without it the grant never expires
	Reason         string // a Reason
}

// Reason names what changed when a grant is not simply an accrual posted on its earned date. In the order in which
// the first that applies is chosen.
type Reason string

// Reasons.
const (
	ReasonNone          Reason = ""
	ReasonRestated      Reason = "restated"
	ReasonMemberChanged Reason = "member_changed"
	ReasonReturned      Reason = "returned"
	ReasonCorrected     Reason = "corrected"
	ReasonLate          Reason = "late"
	ReasonTierChanged   Reason = "tier_changed"
	ReasonLimitShifted  Reason = "limit_shifted"
)

// GrantID returns `<program>/<rule>/<source_type>/<source_id>/<n>`, with `/` and `%` inside the parts
// percent-escaped: readable, stable and unique, so that downstream can deduplicate on it.
func GrantID(program, rule string, st SourceType, sourceID string, n int) string {
	return EscapeID(program) + "/" + EscapeID(rule) + "/" + string(st) + "/" + EscapeID(sourceID) + "/" + strconv.Itoa(n)
}

var idEscaper = strings.NewReplacer("%", "%25", "/", "%2F")

// EscapeID percent-escapes the two characters that would make a grant id ambiguous.
func EscapeID(s string) string { return idEscaper.Replace(s) }
