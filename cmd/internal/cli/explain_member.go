package cli

import (
	"fmt"
	"io"
	"strings"

	"accrue/jobs"
	"accrue/pipeline"
	"accrue/pipeline/explain"
	"accrue/pipeline/reference"
)

// writeMember shows a member's date.
func (a *app) writeMember(me *jobs.MemberExplanation) {
	p := newPaint(a.out)
	fmt.Fprintf(a.out, "%s\n", p.bold(fmt.Sprintf("Member %s on %s, a %s", me.Member, me.Date, me.Date.Weekday())))
	if len(me.Rows) == 0 {
		fmt.Fprintf(a.out, "  no members file names the member\n")
	}
	for _, r := range me.Rows {
		fmt.Fprintf(a.out, "  named by date=%s/%s, row %d\n", r.Delivery, r.File, r.Row)
	}
	for _, mp := range me.Programs {
		fmt.Fprintln(a.out)
		if mp.Never {
			fmt.Fprintf(a.out, "%s has not run yet.\n", p.bold("Program "+mp.Family.ID))
			continue
		}
		a.writeMemberProgram(p, me.Date, mp)
	}
}

func (a *app) writeMemberProgram(p paint, date pipeline.Date, mp jobs.MemberProgram) {
	w := a.out
	head := "Program " + mp.Family.ID
	if i := mp.Family.InForce(date); i >= 0 {
		head += fmt.Sprintf(", version %d", mp.Family.Versions[i].Version)
	} else {
		head += fmt.Sprintf(": no version is in force before %s", mp.Family.Versions[0].EffectiveFrom)
	}
	fmt.Fprintf(w, "%s\n", p.bold(head))
	for _, f := range stateFacts(&mp.Day.State, date) {
		wrapHanging(w, fmt.Sprintf(factForm, f[0]), f[1])
	}
	if date > mp.Horizon {
		wrapHanging(w, fmt.Sprintf(factForm, "not known"),
			fmt.Sprintf("the last run was for %s: what the member does after it waits for its own run", mp.Horizon))
	}
	if len(mp.Day.Sources) == 0 {
		fmt.Fprintf(w, "\n  The member did nothing that day.\n")
	}
	for i := range mp.Day.Sources {
		writeDaySource(w, p, &mp.Day.Sources[i])
	}
	a.writeDayLedger(p, mp)
	writeUses(a, p, date, mp.Day.Uses)
}

// stateFacts says what is known of a member on a date.
func stateFacts(m *reference.MemberState, date pipeline.Date) [][2]string {
	row := "none: no members file names the member"
	if m.Named {
		row = "that of the delivery of " + m.Delivery.String()
		if m.Early {
			row += ", the first one, which holds before it too"
		}
	}
	out := [][2]string{{"row in force", row}}
	if m.Tier != "none" {
		out = append(out, [2]string{"tier", m.Tier + ": " + m.TierWhy})
	}
	status := "active"
	if m.Closed {
		status = "closed: earns nothing"
	}
	joined := "not known"
	if m.JoinedOn != nil {
		joined = m.JoinedOn.String()
		if days := int64(date) - int64(*m.JoinedOn); days >= 0 {
			joined += ", " + plural(days, "day", "days") + " before"
		}
	}
	tags := "none"
	if len(m.Tags) > 0 {
		tags = strings.Join(m.Tags, ", ")
	}
	return append(out, [2]string{"status", status}, [2]string{"joined", joined}, [2]string{"tags", tags})
}

// writeDaySource shows one source of the day: a line or two for every rule.
func writeDaySource(w io.Writer, p paint, s *explain.DaySource) {
	fmt.Fprintf(w, "\n  %s  %s", s.Instant(), p.bold(string(s.Type)+" "+s.ID))
	if s.Seen != nil && s.Seen.Purchase != nil {
		fmt.Fprintf(w, "  spend basis %s", plain(s.Seen.Purchase.BasisText+" = "+s.Seen.Purchase.Basis.String()))
	}
	fmt.Fprintln(w)
	if s.Seen != nil && s.Seen.Unknown != "" {
		wrapHanging(w, "    not known: ", s.Seen.Unknown)
		return
	}
	if len(s.Decisions) == 0 {
		fmt.Fprintf(w, "    none of the program's rules looks at it\n")
	}
	for _, group := range alike(s.Decisions) {
		d := &group[0]
		wrap(w, "    ", ruleNames(p, group)+glue+" "+strings.ReplaceAll(resultText(p, d), " ", glue))
		if text := arithmetic(d); text != "" {
			wrap(w, "      ", text)
		}
	}
}

// arithmetic is a decision in one sentence: why not, or else how.
func arithmetic(d *reference.Decision) string {
	var out []string
	for i, st := range d.Steps {
		if st.Name == "basis" && !strings.Contains(plain(st.Text), " ") {
			continue // the amount is in what follows
		}
		if d.Reason != "" && i == len(d.Steps)-1 && st.Text == d.Why {
			continue
		}
		out = append(out, plain(st.Text))
	}
	if d.Reason != "" && d.Why != "" {
		out = append(out, d.Why)
	}
	return strings.Join(out, "; ")
}

// writeDayLedger shows the day's totals and the ledger's rows.
func (a *app) writeDayLedger(p paint, mp jobs.MemberProgram) {
	w := a.out
	fmt.Fprintf(w, "\n  %s\n", p.bold("In the ledger"))
	if len(mp.Grants) == 0 {
		fmt.Fprintf(w, "    nothing\n")
	} else {
		rows := make([][]string, len(mp.Grants))
		for i, g := range mp.Grants {
			rows[i] = []string{g.PostedOn, g.Rule, g.SourceType, g.SourceID, g.Amount, g.Reward, g.Kind, g.Reason}
		}
		writeTable(w, p, "    ", []column{words("posted on"), words("rule"), words("source"), words(""), numbers("amount"),
			words("reward"), words("kind"), words("reason")}, rows)
	}
	writeAgreement(w, p, mp.Day.Sums)
}

// writeUses shows how much of the limits was used.
func writeUses(a *app, p paint, date pipeline.Date, uses []explain.Use) {
	if len(uses) == 0 {
		return
	}
	fmt.Fprintf(a.out, "\n  %s\n", p.bold(fmt.Sprintf("Limits used by the end of %s", date)))
	rows := make([][]string, len(uses))
	for i, u := range uses {
		rule := u.Rule
		if rule == "" {
			rule = "whole program"
		}
		times, amount := "", ""
		if u.Times != nil {
			times = fmt.Sprintf("%d of %d", u.Taken, *u.Times)
		}
		if u.Amount != nil {
			amount = fmt.Sprintf("%s of %s %s", u.Granted, u.Amount, u.Reward)
		}
		rows[i] = []string{rule, u.Subject, u.PeriodText(), times, amount}
	}
	writeTable(a.out, p, "    ", []column{words("rule"), words("subject"), words("period"), numbers("times"), numbers("amount")}, rows)
}
