package program

import "github.com/shopspring/decimal"

// KindMultiplier pays an extra on other rules' grants.
const KindMultiplier Kind = "multiplier"

// Multiplier adds granted × (Factor − 1) to what the rules in Of were granted.
type Multiplier struct {
	Of     []string        // rule ids of this version, none of them a multiplier
	Factor decimal.Decimal // > 1
}

// Kind returns KindMultiplier.
func (*Multiplier) Kind() Kind { return KindMultiplier }
