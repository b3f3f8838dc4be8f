package program

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/yamlpos"
)

// ratePlaces is the most decimal places of earn, per and factor; spendPlaces those of min_spend, which is held
// against amounts.
const (
	ratePlaces  = 6
	spendPlaces = pipeline.AmountPlaces
)

// maxValue is the largest number that a program may name: 10^14, as amounts.
var maxValue = decimal.New(1, 14)

var numberForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// bounds say which numbers are allowed.
type bounds struct {
	least decimal.Decimal
	above bool // least itself is too little
	// tooLittle is the hint for what is below; "" for the plain one.
	tooLittle string
	// places is the most decimal places; placesHint says why.
	places     int
	placesHint string
}

// rate are the bounds of an earn.
func rate() bounds { return bounds{places: ratePlaces, placesHint: rateHint} }

const (
	rateHint  = "round it to 6 places"
	spendHint = "amounts have at most 4 decimal places"
	tooMuch   = "10^14 is the most that an amount can be"
)

// number reads a decimal exactly as it is written.
func (r *reader) number(n *yamlpos.Node, name string, b bounds) (decimal.Decimal, bool) {
	if n == nil {
		return decimal.Zero, false
	}
	if n.Kind == yamlpos.List || n.Kind == yamlpos.Mapping || n.Kind == yamlpos.Null {
		r.Wrong(n, "a number", "write one number")
		return decimal.Zero, false
	}
	if n.Quoted || !numberForm.MatchString(n.Text) {
		r.Fault(n.Pos, numberHint(n), "%s must be a number, not %s", name, yamlpos.Quote(n.Text))
		return decimal.Zero, false
	}
	text := n.Text
	if len(text) > 64 { // far beyond all bounds, and slow to compute with
		r.Fault(n.Pos, tooMuch, "%s has too many digits", name)
		return decimal.Zero, false
	}
	v := decimal.RequireFromString(text) // the form was checked
	switch cmp := v.Cmp(b.least); {
	case b.above && cmp <= 0:
		r.Fault(n.Pos, b.tooLittle, "%s must be more than %s", name, b.least)
	case cmp < 0:
		r.Fault(n.Pos, "write 0 or more", "%s must not be below %s", name, b.least)
	case v.Cmp(maxValue) > 0:
		r.Fault(n.Pos, tooMuch, "%s must be at most %s", name, maxValue)
	case b.places == 0 && places(text) > 0:
		r.Fault(n.Pos, b.placesHint, "%s must be a whole number, not %s", name, text)
	case places(text) > b.places:
		r.Fault(n.Pos, b.placesHint, "%s has %s; at most %d are kept", name, count(places(text), "decimal place"), b.places)
	default:
		return v, true
	}
	return decimal.Zero, false
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// places counts the decimal places of a number without trailing zeros.
func places(text string) int {
	_, frac, _ := strings.Cut(text, ".")
	return len(strings.TrimRight(frac, "0"))
}

func numberHint(n *yamlpos.Node) string {
	switch {
	case n.Quoted && numberForm.MatchString(n.Text):
		return "write it without quotes"
	case strings.ContainsAny(n.Text, "_, "):
		return "write the digits without anything between them: 10000"
	}
	return "write digits, and a point before decimal places: 12.50"
}

// amount reads a cap or a budget: its places must fit the scale of the reward that it bounds (F34). Without rewards
// (they are faulty, or unknown) every scale fits.
func (r *reader) amount(n *yamlpos.Node, rewards []*Reward) (decimal.Decimal, bool) {
	if n == nil {
		return decimal.Zero, false
	}
	b := bounds{places: pipeline.AmountPlaces, placesHint: spendHint}
	for _, reward := range rewards {
		if reward.Scale < b.places {
			b.places = reward.Scale
			b.placesHint = fmt.Sprintf("grants of %s are multiples of %s", reward.ID, decimal.New(1, -int32(reward.Scale)))
		}
	}
	return r.number(n, n.Name, b)
}

// date reads a date; missing where there is none.
func (r *reader) date(n *yamlpos.Node, missing pipeline.Date) pipeline.Date {
	if n == nil {
		return missing
	}
	d, err := pipeline.ParseDate(n.Text)
	if n.Kind != yamlpos.Text || err != nil {
		r.Wrong(n, "a date", "write YYYY-MM-DD, a day that exists")
		return missing
	}
	return d
}

var clockForm = regexp.MustCompile(`^([0-9]{2}):([0-5][0-9])$`)

// clock reads HH:MM, up to most; 0 where it is missing or faulty.
func (r *reader) clock(n *yamlpos.Node, most time.Duration) time.Duration {
	if n == nil {
		return 0
	}
	parts := clockForm.FindStringSubmatch(n.Text)
	if n.Kind != yamlpos.Text || parts == nil {
		r.Wrong(n, "a time of day", `write "HH:MM"`)
		return 0
	}
	hours, _ := strconv.Atoi(parts[1])
	minutes, _ := strconv.Atoi(parts[2])
	at := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if at > most {
		r.Fault(n.Pos, "a day starts at 00:00", "%s must be at most %02d:%02d", n.Name, int(most.Hours()), int(most.Minutes())%60)
		return 0
	}
	return at
}

var gapForm = regexp.MustCompile(`^(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?$`)

// maxGap is the longest span of time that a program may name.
const maxGap = 366 * 24 * time.Hour

// gap reads a span of time: 30m, 1h, 90s, 1h30m.
func (r *reader) gap(n *yamlpos.Node) time.Duration {
	if n == nil {
		return 0
	}
	const hint = "write 30m, 1h, 90s or 1h30m"
	parts := gapForm.FindStringSubmatch(n.Text)
	if n.Kind != yamlpos.Text || parts == nil || n.Text == "" {
		r.Wrong(n, "a span of time", hint)
		return 0
	}
	var total time.Duration
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		if parts[i+1] == "" {
			continue
		}
		v, err := strconv.ParseInt(parts[i+1], 10, 64)
		if err != nil || v > int64(maxGap/unit) {
			total = maxGap + 1
			break
		}
		total += time.Duration(v) * unit
	}
	switch {
	case total > maxGap:
		r.Fault(n.Pos, "that is 366 days", "%s must be at most %dh", n.Name, int(maxGap.Hours()))
		return 0
	case total == 0:
		r.Fault(n.Pos, "leave it out to count every transaction", "%s must be more than 0", n.Name)
	}
	return total
}
