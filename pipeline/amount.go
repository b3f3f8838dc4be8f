package pipeline

import (
	"fmt"
	"strconv"
	"strings"
)

// Amount is an exact decimal with four places: money and points alike, as a count of ten-thousandths. The largest
// magnitude is MaxAmount.
type Amount int64

// AmountPlaces is the number of decimal places that an Amount keeps.
const AmountPlaces = 4

// Unit is the Amount that stands for 1.
const Unit Amount = 10_000

// MaxAmount is 10^14, the largest amount that a delivery may hold and a grant may reach.
const MaxAmount Amount = 100_000_000_000_000 * Unit

// Format writes the amount with the given number of places (0 to 4). Digits beyond them must be zero: a grant is
// a multiple of its reward's scale.
func (a Amount) Format(places int) string {
	sign, u := "", uint64(a)
	if a < 0 {
		sign, u = "-", -uint64(a)
	}
	whole, frac := u/uint64(Unit), u%uint64(Unit)
	if places <= 0 {
		return sign + strconv.FormatUint(whole, 10)
	}
	return sign + strconv.FormatUint(whole, 10) + "." + fmt.Sprintf("%04d", frac)[:places]
}

// String writes the amount without trailing zeros.
func (a Amount) String() string { return trimZeros(a.Format(AmountPlaces)) }

func trimZeros(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }
