package load

import (
	"testing"

	"accrue/schemas"
)

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "-0.00": 0, "007": 70_000, "10.5": 105_000, "-1": -10_000, "0.0001": 1, "1.10000000": 11_000,
		"100000000000000": 1_000_000_000_000_000_000, "-100000000000000.0000": -1_000_000_000_000_000_000,
		"99999999999999.9999": 999_999_999_999_999_999, "000000000000000000000000000000000001": 10_000,
	} {
		if got, reason := parseNumber([]byte(text)); got != want || reason != "" {
			t.Errorf("%q is %d %s, want %d", text, got, reason, want)
		}
	}
	for text, want := range map[string]schemas.RejectReason{
		"": badNumber, "-": badNumber, ".": badNumber, "+5": badNumber, ".5": badNumber, "5.": badNumber, "1e2": badNumber,
		"1_000": badNumber, "1,000": badNumber, "NaN": badNumber, "Infinity": badNumber, " 5": badNumber, "5 ": badNumber,
		"0x10": badNumber, "--1": badNumber, "1.2.3": badNumber, "٣": badNumber, "1.-2": badNumber,
		"10.12345": tooManyPlaces, "0.00001": tooManyPlaces, "999999999999999999999.00001": tooManyPlaces,
		"100000000000000.0001": numberTooLarge, "100000000000001": numberTooLarge, "-100000000000001": numberTooLarge,
		"9999999999999999": numberTooLarge, "99999999999999999999999999999999": numberTooLarge,
	} {
		if got, reason := parseNumber([]byte(text)); reason != want {
			t.Errorf("%q is %d %q, want %s", text, got, reason, want)
		}
	}
}

func TestTotalIsExact(t *testing.T) {
	var sum total
	sum.add(105_000)
	sum.addOdd([]byte("10.12345"))
	sum.addOdd([]byte("1e5"))              // no number
	sum.addOdd([]byte("1000000000000001")) // larger than any that is accepted
	if got := formatExact(sum.exact()); got != "1000000000000021.62345" {
		t.Errorf("the sum is %s, want 1000000000000021.62345", got)
	}
	if got := sum.stored(); got != "10000000000000216234" {
		t.Errorf("stored as %s ten-thousandths, want 10000000000000216234", got)
	}
	sum.addOdd([]byte("-9999999999999999999999999999999999999999999999"))
	if got, want := sum.stored(), "-10000000000000000000000000000000000000"; got != want {
		t.Errorf("stored as %s, want the largest that a column holds, %s", got, want)
	}
}
