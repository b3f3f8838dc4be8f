package tell

import "accrue/pipeline/program"

func (t teller) birthday(b *program.Birthday) words {
	day := "28 February"
	if b.Feb29 == program.Mar1 {
		day = "1 March"
	}
	return words{earnings: t.earn(b.Earn, ""), what: "on their birthday", pieces: []piece{{
		key: "feb_29", words: "those born on 29 February paid on " + day + " in a year that has no such day",
		sentence: "Those born on 29 February have it on " + day + " in a year that has no such day.",
	}}}
}
