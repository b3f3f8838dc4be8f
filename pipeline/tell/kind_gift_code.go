package tell

import (
	"fmt"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// mostCodes is how many gift codes are told one by one.
const mostCodes = 12

func (t teller) giftCode(b *program.GiftCode) words {
	w := words{}
	for i, c := range b.Codes {
		if i == mostCodes {
			w.pieces = append(w.pieces, piece{key: "codes", words: count(len(b.Codes)-i, "more code", "more codes"),
				sentence: "There " + plural(len(b.Codes)-i, "is", "are") + " " + count(len(b.Codes)-i, "more code", "more codes") + "."})
			break
		}
		w.earnings = append(w.earnings, t.earn(c.Earn, "for the gift code "+c.Code)...)
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
		if bounds != "" {
			w.pieces = append(w.pieces, piece{key: "codes." + c.Code, words: "the code " + c.Code + " redeemed" + bounds,
				sentence: "The code " + c.Code + " can be redeemed" + bounds + "."})
		}
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
