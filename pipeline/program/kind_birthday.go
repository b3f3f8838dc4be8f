package program

// KindBirthday pays once a year on the member's birthday.
const KindBirthday Kind = "birthday"

// Feb29 says on which day those born on 29 February have their birthday in a year that has none.
type Feb29 string

// The two neighbours of a day that is not there.
const (
	Feb28 Feb29 = "feb_28"
	Mar1  Feb29 = "mar_1"
)

// Birthday pays Earn on each birthday (F35).
type Birthday struct {
	Earn  Earn
	Feb29 Feb29
}

// Kind returns KindBirthday.
func (*Birthday) Kind() Kind { return KindBirthday }

func readBirthday(r *ruleReader) Body {
	b := &Birthday{Earn: r.needEarn(), Feb29: Feb28}
	if s, ok := r.OneOf(r.m.Get("feb_29"), string(Feb28), string(Mar1)); ok {
		b.Feb29 = Feb29(s)
	}
	return b
}

// unreachableBirthday names a condition on what no birthday has (F40); "" where the rule has none, or is of another
// kind.
func unreachableBirthday(r *Rule) string {
	if r.Kind != KindBirthday {
		return ""
	}
	switch w := r.When; {
	case w.Stores != nil || w.Regions != nil:
		return "a birthday has no store"
	case w.Channels != nil:
		return "a birthday has no channel"
	case w.FirstPurchase != nil:
		return "a birthday is no purchase"
	case w.Subjects != nil:
		return "a birthday has no subject"
	}
	return ""
}
