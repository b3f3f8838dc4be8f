package reference

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// mostNames is how many ids or lines a text lists before it only counts the rest.
const mostNames = 5

// inPeriod names a calendar period of business dates, where it is longer than the date itself and ends.
func inPeriod(p pipeline.Period, on pipeline.Date) string {
	start := p.Start(on).Time()
	switch p {
	case pipeline.PerWeek:
		return " from " + p.Start(on).String()
	case pipeline.PerMonth:
		return " in " + start.Format("2006-01")
	case pipeline.PerQuarter:
		return fmt.Sprintf(" in %d-Q%d", start.Year(), (int(start.Month())+2)/3)
	case pipeline.PerYear:
		return fmt.Sprintf(" in %d", start.Year())
	}
	return ""
}

// capText is the arithmetic of all caps: the running sum without the grant, and what is kept of it.
func (g *grant) capText(sum, after decimal.Decimal) string {
	if g.decision == nil {
		return ""
	}
	return fmt.Sprintf("%s so far, %s of %s kept", sum.Sub(g.amount), after, g.amount)
}

// byAmount says how a rank came about, where it is not by time.
func (w way) byAmount() string {
	if w.highest {
		return " by amount"
	}
	return ""
}

// cameFirst names the grants that took the slots before a source.
func (d *Decision) cameFirst(before []*grant, w way) string {
	if d == nil || len(before) == 0 {
		return ""
	}
	names := make([]string, 0, len(before))
	for _, g := range before {
		name := g.id
		if w.highest {
			name += " with " + g.ranked.String()
		}
		names = append(names, name)
	}
	return "; before it came " + list(names)
}

// list joins names; what exceeds mostNames is counted.
func list(names []string) string {
	if more := len(names) - mostNames; more > 1 {
		return strings.Join(names[:mostNames], ", ") + fmt.Sprintf(" and %d more", more)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// judgeLines notes which lines of a purchase qualify, and why others do not. counts says whether what is left of a
// matching line still qualifies.
func (d *Decision) judgeLines(f *program.ItemFilter, p *purchase, counts func(line) bool) {
	if d == nil {
		return
	}
	for _, l := range p.lines {
		why, included := listedBy(f.Include, l.Item)
		if f.Include.Empty() {
			why, included = "no include is needed", true
		}
		out := LineDecision{LineNo: l.LineNo, Why: why}
		excluded, isExcluded := listedBy(f.Exclude, l.Item)
		switch {
		case !included:
			out.Why = "matches no include"
		case isExcluded:
			out.Why = "excluded: " + excluded
		case l.discount():
			out.Why += ": a discount, which lowers the sum and nothing else"
		case !counts(l) && l.Amount.IsZero() && l.Quantity.IsZero():
			out.Why += ": sold at 0, no units"
		case !counts(l):
			out.Why += ": nothing of it is left after returns"
		default:
			out.Qualifies = true
		}
		d.Lines = append(d.Lines, out)
	}
}

// listedBy says by which of its columns a line is listed.
func listedBy(m program.ItemMatch, i Item) (string, bool) {
	for _, c := range []struct {
		name, value string
		match       program.ItemMatch
	}{
		{"item_id", i.ItemID, program.ItemMatch{ItemIDs: m.ItemIDs}},
		{"category", i.Category, program.ItemMatch{Categories: m.Categories}},
		{"brand", i.Brand, program.ItemMatch{Brands: m.Brands}},
	} {
		if listed(c.match, i) {
			return c.name + " " + c.value, true
		}
	}
	return "", false
}

// qualifyingText is the arithmetic of qualifyingSum.
func (p *purchase) qualifyingText(f *program.ItemFilter, d *Decision) string {
	if d == nil {
		return ""
	}
	sum, terms, names := decimal.Zero, []string{}, []string{}
	for _, l := range p.lines {
		if matches(f, l.Item) {
			sum = sum.Add(l.left)
			terms, names = append(terms, termText(l.left)), append(names, l.LineNo)
		}
	}
	text := fmt.Sprintf("%s matching = %s", countOf(len(terms), "line", "lines"), sum)
	if len(terms) <= 2*mostNames {
		text = fmt.Sprintf("%s %s: %s = %s", word(len(names), "line", "lines"), list(names), strings.Join(terms, " + "), sum)
	}
	if len(terms) == 1 {
		text = fmt.Sprintf("line %s: %s", names[0], sum)
	}
	switch {
	case sum.IsNegative():
		text += ", not below zero: 0"
	case sum.GreaterThan(p.basis):
		text += fmt.Sprintf(", at most the spend basis %s", p.basis)
	}
	return text
}

// unitsText is the arithmetic of units.
func (p *purchase) unitsText(f *program.ItemFilter, d *Decision) string {
	if d == nil {
		return ""
	}
	var terms, names []string
	for _, l := range p.lines {
		if matches(f, l.Item) && l.units.IsPositive() {
			terms, names = append(terms, l.units.String()), append(names, l.LineNo)
		}
	}
	units := p.units(f)
	switch {
	case len(terms) == 1:
		return fmt.Sprintf("line %s: %s %s", names[0], units, unitWord(units))
	case len(terms) <= 2*mostNames:
		return fmt.Sprintf("lines %s: %s = %s units", list(names), strings.Join(terms, " + "), units)
	}
	return fmt.Sprintf("%d lines: %s units", len(terms), units)
}

// termText puts an amount below zero in parentheses, as a term of a sum.
func termText(d decimal.Decimal) string {
	if d.IsNegative() {
		return "(" + strings.Replace(d.String(), "-", "−", 1) + ")"
	}
	return d.String()
}

func unitWord(n decimal.Decimal) string {
	if n.Equal(decimal.NewFromInt(1)) {
		return "unit"
	}
	return "units"
}

// spanText writes a range of dates.
func spanText(s program.Span) string {
	switch {
	case s.From == pipeline.MinDate:
		return fmt.Sprintf("the time until %s", s.Until)
	case s.Until == pipeline.MaxDate:
		return fmt.Sprintf("the time from %s", s.From)
	}
	return fmt.Sprintf("%s to %s", s.From, s.Until)
}

// placesText says what is rounded to.
func placesText(scale int) string {
	if scale == 0 {
		return "a whole number"
	}
	return countOf(scale, "place", "places")
}

// spanOfTime writes a length of time without units of nothing: 30m, 1h20m, 45s.
func spanOfTime(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// clockText writes a time of day, 24:00 among them.
func clockText(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// noneOf begins a sentence about lines of which none will do.
func noneOf(lines []line) string {
	if len(lines) == 0 {
		return "it has no lines: none"
	}
	return "none of " + countOf(len(lines), "line", "lines")
}

func word(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func countOf(n int, one, many string) string { return fmt.Sprintf("%d %s", n, word(n, one, many)) }
