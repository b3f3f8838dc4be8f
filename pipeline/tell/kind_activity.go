package tell

import "accrue/pipeline/program"

func (t teller) activity(b *program.Activity) words {
	w := words{what: "for every activity of the type " + list(b.On, "or")}
	for _, s := range b.BySubject {
		w.earnings = append(w.earnings, t.earn(s.Earn, "with the subject "+s.Subject)...)
	}
	cond := ""
	if b.BySubject != nil {
		cond = "with any other subject"
	}
	switch {
	case b.Value && isPlural(t.unit().name):
		w.earnings = append(w.earnings, t.same("as many "+t.unit().name+" as its value says", cond)...)
	case b.Value:
		w.earnings = append(w.earnings, t.same("as much "+t.unit().name+" as its value says", cond)...)
	case b.Earn != nil:
		w.earnings = append(w.earnings, t.earn(*b.Earn, cond)...)
	default:
		w.earnings = append(w.earnings, earning{cond: cond})
	}
	return w
}
