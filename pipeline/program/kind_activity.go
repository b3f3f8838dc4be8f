package program

import "accrue/pipeline/yamlpos"

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

// byValue is the earn that pays a row's own value.
const byValue = "value"

func readActivity(r *ruleReader) Body {
	a := &Activity{On: r.activityTypes()}
	n := r.m.Get("earn")
	switch {
	case n == nil:
	case n.Kind == yamlpos.Text && n.Text == byValue:
		a.Value = true
	case n.Kind == yamlpos.Text && yamlpos.Nearest(n.Text, []string{byValue}) != "":
		r.OneOf(n, byValue)
	default:
		earn := r.earn(n)
		a.Earn = &earn
	}
	a.BySubject = r.earnBySubject(r.m.Get("earn_by_subject"))
	if !r.m.Has("earn") && !r.m.Has("earn_by_subject") {
		r.Fault(r.rule.Pos, "write earn: 50, earn: value, or earn_by_subject", "earn is missing")
	}
	return a
}

// activityTypes reads one type or a list of them.
func (r *ruleReader) activityTypes() []string {
	n := r.m.Need("on", "write the type of activity that it pays for: on: signup")
	if n == nil {
		return nil
	}
	if n.Kind == yamlpos.List {
		types, _ := r.Texts(n)
		return types
	}
	one, ok := r.Text(n)
	if !ok {
		return nil
	}
	return []string{one}
}

func (r *ruleReader) earnBySubject(n *yamlpos.Node) []SubjectEarn {
	if m := r.Map(n, "write earn_by_subject: {vip: 100, gold_member: 50}"); m == nil {
		return nil
	}
	var out []SubjectEarn
	for _, e := range n.Entries {
		if e.Key == "" || e.KeyKind == yamlpos.Null {
			r.Fault(e.KeyPos, "put the subject in quotes if it is a word of YAML", "a subject is empty")
			continue
		}
		out = append(out, SubjectEarn{Subject: e.Key, Earn: r.earn(e.Value)})
	}
	return out
}
