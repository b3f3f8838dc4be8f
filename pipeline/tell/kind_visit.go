package tell

import "accrue/pipeline/program"

func (t teller) visit(b *program.Visit) words {
	w := words{earnings: t.earn(b.Earn, ""), what: "for every purchase", pieces: t.minSpend(b.MinSpend)}
	if b.Items != nil {
		w.what = "for every purchase that has " + itemWords(b.Items)
	}
	if b.MinGap > 0 {
		w.pieces = append(w.pieces, piece{key: "min_gap", words: "purchases less than " + duration(b.MinGap) + " apart one visit",
			sentence: "A purchase less than " + duration(b.MinGap) + " after the member's previous one is the same visit and earns nothing."})
	}
	return w
}
