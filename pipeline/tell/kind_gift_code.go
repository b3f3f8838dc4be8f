package tell

import (
	"fmt"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// mostCodes is how many gift codes are told one by one. Versions are compared code by code, however many there are.
const mostCodes = 12

func (t teller) giftCode(b *program.GiftCode) words {
	w := words{}
	for i, c := range b.Codes {
		w.earnings = append(w.earnings, t.earn(c.Earn, "for the gift code "+c.Code)...)
		if i < mostCodes {
			w.told = len(w.earnings)
		}
		bounds := ""
		if c.Active.From != pipeline.MinDate || c.Active.Until != pipeline.MaxDate {
			bounds = " " + spanWords(c.Active)
		}
		if c.Times != nil {
			if bounds != "" {
				bounds += ","
			}
			bounds += fmt.Sprintf(" %s by all members together", times(*c.Times))
		}
		if bounds == "" {
			continue
		}
		p := piece{key: "codes." + c.Code, words: "the code " + c.Code + " redeemed" + bounds,
			sentence: "The code " + c.Code + " can be redeemed" + bounds + "."}
		if i >= mostCodes {
			p.place = compared
		}
		w.pieces = append(w.pieces, p)
	}
	if more := len(b.Codes) - mostCodes; more > 0 {
		w.pieces = append(w.pieces, piece{key: "codes", words: count(more, "more code", "more codes"),
			sentence: "There " + plural(more, "is", "are") + " " + count(more, "more code", "more codes") + "."})
	}
	if b.CodesFile != "" {
		w.pieces = append(w.pieces, piece{key: "codes_file", words: "codes listed in " + b.CodesFile,
			sentence: "Codes are listed in " + b.CodesFile + "."})
	}
	return w
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
