package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/jobs"
	"accrue/pipeline"
	"accrue/pipeline/explain"
	"accrue/pipeline/reference"
)

// instantForm is how instants are written: as grants have them, a fraction only where there is one.
const instantForm = "2006-01-02T15:04:05.999999Z07:00"

// clockText writes a time of day.
func clockText(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// Forms of lines with a name and a text.
const (
	factForm = "  %-13s  "
	stepForm = "    %-23s " // the longest name is when_joined_within_days
)

// writeGrant shows a row of the ledger and where it was published.
func (a *app) writeGrant(ge *jobs.GrantExplanation) {
	g, p := ge.Grant, newPaint(a.out)
	fmt.Fprintf(a.out, "%s\n", p.bold("Grant "+g.GrantID))
	reason := g.Reason
	if reason == "" {
		reason = "none: posted on the date it was earned"
	}
	expires := g.ExpiresOn
	if expires == "" {
		expires = "never"
	}
	for _, f := range [][2]string{
		{"member", g.MemberID},
		{"amount", g.Amount + " " + g.Reward + ", " + g.Kind},
		{"reason", reason},
		{"earned", g.EarnedOn + " (" + g.EarnedAt + ")"},
		{"posted", g.PostedOn + ", by version " + fmt.Sprint(g.ProgramVersion) + " of the program"},
		{"available", g.AvailableOn + ", expires " + expires},
		{"published in", a.from(ge.Publication.Folder + "/" + ge.File)},
		{"manifest", a.from(ge.Publication.Folder + "/manifest.json")},
	} {
		fmt.Fprintf(a.out, "  %-13s %s\n", f[0], f[1])
	}
	fmt.Fprintln(a.out)
}

// writeExplanation shows a source and what every rule made of it.
func (a *app) writeExplanation(ex *jobs.Explanation) {
	p := newPaint(a.out)
	s := ex.Source
	fmt.Fprintf(a.out, "%s\n", p.bold(title(string(s.Type))+" "+s.ID))
	writeSource(a.out, s)
	for _, pe := range ex.Programs {
		fmt.Fprintln(a.out)
		a.writeProgramExplanation(p, s, pe)
	}
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func writeSource(w io.Writer, s *explain.Source) {
	if len(s.Facts) == 0 {
		fmt.Fprintf(w, "  no row says so any more: it was withdrawn\n")
		return
	}
	texts := make([]string, len(s.Facts))
	for i, f := range s.Facts {
		texts[i] = f.Name + " " + f.Value
	}
	if s.Member == "" {
		texts = append([]string{"no member"}, texts...)
	}
	wrap(w, "  ", joinUnbroken(texts, ", "))
	fmt.Fprintf(w, "  from date=%s/%s, row %d\n", s.From.Delivery, s.From.File, s.From.Row)
	for _, o := range s.Others {
		wrap(w, "  ", o.String())
	}
	rows := [][]string{}
	for _, l := range s.Lines {
		rows = append(rows, []string{"line " + l.LineNo, l.ItemID, l.Category, l.Brand, l.Quantity.String() + " ×", l.Amount.String()})
	}
	for _, r := range s.Returns {
		what := "the whole"
		if r.LineNo != "" {
			what = "line " + r.LineNo
		}
		rows = append(rows, []string{"refund " + r.ID, what, "", "", r.OccurredAt.String(), r.Amount.Neg().String()})
	}
	if len(rows) > 0 {
		writeRows(w, "  ", []bool{false, false, false, false, true, true}, rows)
	}
}

// writeProgramExplanation shows how one program sees a source, and its decisions.
func (a *app) writeProgramExplanation(p paint, s *explain.Source, pe jobs.ProgramExplanation) {
	w := a.out
	head := "Program " + pe.Family.ID
	if pe.Never {
		fmt.Fprintf(w, "%s has not run yet.\n", p.bold(head))
		return
	}
	seen := pe.Answer.Seen
	if seen != nil && seen.ProgramVersion > 0 {
		head += fmt.Sprintf(", version %d", seen.ProgramVersion)
	}
	fmt.Fprintf(w, "%s\n", p.bold(head))
	if seen != nil {
		writeSeen(w, s, seen)
	}
	switch {
	case seen != nil && seen.Unknown != "":
		wrapHanging(w, fmt.Sprintf(factForm, "not known"), seen.Unknown)
	case pe.Answer.Missing != "":
		wrapHanging(w, fmt.Sprintf(factForm, "no source"), pe.Answer.Missing)
	case len(pe.Answer.Decisions) == 0 && len(s.Facts) > 0:
		wrapHanging(w, fmt.Sprintf(factForm, "rules"), "none of the program's rules looks at it")
	}
	for _, group := range alike(pe.Answer.Decisions) {
		writeDecisions(w, p, s, group)
	}
	a.writeLedgerSide(p, pe)
}

// writeSeen shows how a program sees a source: its date, its member, what was spent.
func writeSeen(w io.Writer, s *explain.Source, seen *reference.Seen) {
	line := func(name, text string) { wrapHanging(w, fmt.Sprintf(factForm, name), text) }
	line("business date", dateText(seen))
	if s.Member != "" {
		line("member", memberText(&seen.Member))
	}
	b := seen.Purchase
	if b == nil {
		return
	}
	text := plain(b.BasisText + " = " + b.Basis.String())
	switch {
	case b.FullyReturned:
		text += "; fully returned"
	case b.FirstOrder:
		text += "; the member's first order"
	case b.Previous != "":
		text += "; the purchase before it is " + b.Previous
	}
	line("spend basis", text)
	var left []string
	for _, l := range b.Lines {
		switch {
		case !l.Left.Equal(l.Amount):
			left = append(left, fmt.Sprintf("line %s: %s of %s", l.LineNo, l.Left, l.Amount))
		case !l.Units.Equal(l.Quantity) && !l.Amount.IsNegative():
			left = append(left, fmt.Sprintf("line %s: %s of %s units", l.LineNo, l.Units, l.Quantity))
		}
	}
	if len(left) > 0 {
		line("after returns", joinUnbroken(left, ", "))
	}
}

// dateText says how the business date comes about.
func dateText(seen *reference.Seen) string {
	local := seen.At.Format("15:04:05")
	if pipeline.DateOf(seen.At) != seen.On {
		local = seen.At.Format("2006-01-02 15:04:05")
	}
	text := fmt.Sprintf("%s, a %s: %s in %s, the zone of %s (%s)", seen.On, seen.On.Weekday(), local,
		seen.Zone, seen.ZoneOf, seen.At.UTC().Format(instantForm))
	if seen.DayStartsAt > 0 {
		text += "; days start at " + clockText(seen.DayStartsAt)
	}
	if seen.Guessed != "" {
		text += "; " + seen.Guessed
	}
	return text
}

// memberText says what is known of a member on the date.
func memberText(m *reference.MemberState) string {
	texts := []string{m.ID}
	if m.Tier != "none" {
		texts = append(texts, "tier "+m.Tier+" ("+m.TierWhy+")")
	}
	if m.Closed {
		texts = append(texts, "closed")
	}
	if m.JoinedOn != nil {
		texts = append(texts, "joined"+glue+m.JoinedOn.String())
	}
	if len(m.Tags) > 0 {
		texts = append(texts, "tags"+glue+strings.Join(m.Tags, ";"))
	}
	return strings.Join(texts, ", ")
}

// alike puts decisions together that follow each other and say the same: that a source cannot earn at all.
func alike(list []reference.Decision) [][]reference.Decision {
	said := func(d *reference.Decision) int { return len(d.Holds) + len(d.Lines) + len(d.Steps) }
	var out [][]reference.Decision
	for i := range list {
		d := &list[i]
		if i > 0 && said(d) == 0 && said(&list[i-1]) == 0 && d.Reason == list[i-1].Reason && d.Why == list[i-1].Why &&
			d.MemberID == list[i-1].MemberID {
			out[len(out)-1] = append(out[len(out)-1], *d)
			continue
		}
		out = append(out, []reference.Decision{*d})
	}
	return out
}

// ruleNames are the rules of decisions that are alike.
func ruleNames(p paint, group []reference.Decision) string {
	names := make([]string, len(group))
	for i, d := range group {
		names[i] = p.bold(d.Rule)
	}
	return strings.Join(names, ", ")
}

// writeDecisions shows what one rule did, step by step, or of several rules that they say the same.
func writeDecisions(w io.Writer, p paint, s *explain.Source, group []reference.Decision) {
	d := group[0]
	head := ruleNames(p, group) + glue + " " + strings.ReplaceAll(resultText(p, &d), " ", glue)
	if s.Member != d.MemberID {
		head += glue + " to" + glue + d.MemberID
	}
	fmt.Fprintln(w)
	wrap(w, "  ", head)
	line := func(name, text string) { wrapHanging(w, fmt.Sprintf(stepForm, name), text) }
	for _, c := range d.Holds {
		line(c.Name, c.Text)
	}
	for i, text := range lineTexts(d.Lines) {
		name := "items"
		if i > 0 {
			name = ""
		}
		line(name, text)
	}
	for i, st := range d.Steps {
		if d.Reason != "" && i == len(d.Steps)-1 && st.Text == d.Why {
			continue // the reason says the same
		}
		line(st.Name, plain(st.Text))
	}
	if d.Reason != "" && d.Why != "" {
		line("why not", d.Why)
	}
}

func resultText(p paint, d *reference.Decision) string {
	if d.Reason != "" {
		return "nothing: " + d.Reason
	}
	return p.green(d.Amount.String() + " " + d.Reward)
}

// lineTexts says of lines together what is the same for them.
func lineTexts(lines []reference.LineDecision) []string {
	type verdict struct {
		qualifies bool
		why       string
	}
	var order []verdict
	of := map[verdict][]string{}
	for _, l := range lines {
		v := verdict{l.Qualifies, l.Why}
		if of[v] == nil {
			order = append(order, v)
		}
		of[v] = append(of[v], l.LineNo)
	}
	out := make([]string, 0, len(order))
	for _, v := range order {
		nos := of[v]
		what := "line " + nos[0]
		if len(nos) > 1 {
			what = "lines " + strings.Join(nos[:len(nos)-1], ", ") + " and " + nos[len(nos)-1]
		}
		verb := map[bool]string{true: "qualify", false: "do not"}[v.qualifies]
		if len(nos) == 1 {
			verb = map[bool]string{true: "qualifies", false: "does not"}[v.qualifies]
		}
		out = append(out, fmt.Sprintf("%s %s: %s", what, verb, v.why))
	}
	return out
}

// plain shortens `x = x` to x.
func plain(text string) string {
	if left, right, found := strings.Cut(text, " = "); found && left == right {
		return left
	}
	return text
}

// writeLedgerSide shows the ledger's rows, and whether they are what the decisions add up to.
func (a *app) writeLedgerSide(p paint, pe jobs.ProgramExplanation) {
	fmt.Fprintf(a.out, "\n  %s\n", p.bold("In the ledger"))
	writeLedgerRows(a.out, pe.Rows)
	writeAgreement(a.out, p, pe.Answer.Sums)
}

// writeLedgerRows lists rows of the ledger of one source.
func writeLedgerRows(w io.Writer, grants []jobs.Grant) {
	if len(grants) == 0 {
		fmt.Fprintf(w, "    nothing\n")
		return
	}
	rows := make([][]string, len(grants))
	for i, g := range grants {
		rows[i] = []string{g.PostedOn, g.Run, g.Rule, fmt.Sprint(g.N), g.Amount, g.Reward, g.Kind, g.Reason}
	}
	writeTable(w, paint{}, "    ", []column{words("posted on"), words("by"), words("rule"), numbers("n"), numbers("amount"),
		words("reward"), words("kind"), words("reason")}, rows)
}

// writeAgreement holds what is worked out against the ledger.
func writeAgreement(w io.Writer, p paint, sums []explain.Sum) {
	if !slices.ContainsFunc(sums, explain.Sum.Differs) {
		var rewards, parts []string
		total := map[string]decimal.Decimal{}
		for _, s := range sums {
			if _, known := total[s.Reward]; !known {
				rewards = append(rewards, s.Reward)
			}
			total[s.Reward] = total[s.Reward].Add(s.Owed)
		}
		for _, r := range rewards {
			parts = append(parts, total[r].String()+" "+r)
		}
		if len(parts) == 0 {
			parts = []string{"nothing"}
		}
		wrap(w, "    ", "This is what is owed: "+strings.Join(parts, ", ")+".")
		return
	}
	fmt.Fprintf(w, "\n  %s\n", p.red("THE LEDGER DISAGREES with what is worked out here:"))
	for _, s := range sums {
		if s.Differs() {
			wrap(w, "    ", fmt.Sprintf("rule %s, member %s, %s %s: owed %s %s, posted %s, difference %s", s.Rule, s.Member,
				s.SourceType, s.SourceID, s.Owed, s.Reward, s.Posted, s.Owed.Sub(s.Posted)))
		}
	}
	wrap(w, "    ", "Facts that came after the last run, or a program file that has changed since, make such a difference: "+
		"the next run posts it. If it stays after a run, it is a fault in accrue.")
}
