package program

// KindActivity pays per activity of a type.
const KindActivity Kind = "activity"

// Activity pays per activity whose type is one of On.
type Activity struct {
	On []string
	// Earn is what a subject without an entry in BySubject earns; nil where the rule has none, which then earns
	// nothing (F29).
	Earn *Earn
	// Value: the row's own value column is what it earns (`earn: value`); Earn is nil then.
	Value bool
	// BySubject is earn_by_subject; nil without.
	BySubject []SubjectEarn
}

// SubjectEarn is one entry of earn_by_subject, in file order.
type SubjectEarn struct {
	Subject string
	Earn    Earn
}

// Kind returns KindActivity.
func (*Activity) Kind() Kind { return KindActivity }
