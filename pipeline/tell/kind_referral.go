package tell

import (
	"github.com/shopspring/decimal"

	"accrue/pipeline/program"
)

func (t teller) referral(b *program.Referral) words {
	w := words{what: "for referring a member", earnings: t.earn(b.Earn, "")}
	if b.RefereeEarn != nil {
		each := t.earn(*b.RefereeEarn, "")
		words := "of those who were referred, " + earningWords(each)
		if len(each) == 1 && each[0].tier == "" {
			words = "the member who was referred earns " + each[0].what()
		}
		w.pieces = append(w.pieces, piece{key: "referee_earn", words: words, sentence: sentence(words)})
	}
	q := b.Qualify
	if q == nil {
		return w
	}
	what := "the first purchase of the member who was referred"
	if q.Over.GreaterThan(decimal.Zero) {
		what += ", of more than " + t.money(q.Over) + ","
	}
	within := ""
	if q.WithinDays != nil {
		within = " within " + count(*q.WithinDays, "day", "days")
	}
	w.pieces = append(w.pieces, piece{key: "qualify", words: "paid with " + what + within, sentence: "It is paid with " + what + within + "."})
	return w
}
