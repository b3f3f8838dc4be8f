package program

import "time"

// KindVisit pays a fixed amount per transaction.
const KindVisit Kind = "visit"

// Visit pays Earn for a transaction; with Items, only if a line qualifies.
type Visit struct {
	Earn     Earn
	Items    *ItemFilter
	MinSpend *MinSpend
	MinGap   time.Duration // 0 for none: less than this after the member's previous transaction is the same visit
}

// Kind returns KindVisit.
func (*Visit) Kind() Kind { return KindVisit }

func readVisit(r *ruleReader) Body {
	return &Visit{Earn: r.needEarn(), Items: r.items(), MinSpend: r.minSpend(), MinGap: r.gap(r.m.Get("min_gap"))}
}
