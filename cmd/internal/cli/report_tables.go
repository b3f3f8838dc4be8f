package cli

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/jobs"
)

func (p *page) members(rep *jobs.Report) {
	for _, m := range rep.Members {
		name := m.Reward
		if len(p.Programs) > 1 {
			name += ", program " + m.Program
		}
		t := &pageTable{
			Label: "Members by what they were granted: " + name, Columns: columnsOf(1, "net of a member", "members"),
			Caption: fmt.Sprintf("%s: %s; half of them got at most %s, nine in ten at most %s, 99 in a hundred at most %s; the most is %s", name,
				plural(m.Members, "member", "members"), unbroken(m.Median), unbroken(m.P90), unbroken(m.P99), unbroken(m.Largest)),
		}
		t.Columns = append(t.Columns, pageColumn{Name: "share", Bar: true})
		var values []decimal.Decimal
		if m.Below > 0 {
			t.Rows = append(t.Rows, []string{"0 or less", count(m.Below)})
			values = append(values, decimal.NewFromInt(m.Below))
		}
		for _, b := range m.Bins {
			t.Rows = append(t.Rows, []string{"from " + thousands(b.From) + " to below " + thousands(b.Below), count(b.Members)})
			values = append(values, decimal.NewFromInt(b.Members))
		}
		for i, s := range shares(values) {
			t.Rows[i] = append(t.Rows[i], s)
		}
		p.MemberTables = append(p.MemberTables, t)
	}
}

func (p *page) funnel(rep *jobs.Report) {
	for _, f := range rep.Funnel {
		rows := &pageTable{Label: "Rows of program " + f.Program, Columns: columnsOf(1, "", "rows")}
		rows.Columns[0].Name = "transactions and activities"
		rows.Rows = [][]string{{"read from the period’s deliveries", count(f.Read)}, {"of those repeated or superseded", count(f.Aside)},
			{"of those rejected", count(f.Reject)}}
		if f.Skipped == "" {
			rows.Rows = append(rows.Rows, []string{"decided upon: with a member and a business date in the period", count(f.Sources)})
		}
		next := pageFunnel{Program: f.Program, Skipped: f.Skipped, Rows: rows}
		if len(f.Rules) > 0 {
			t := &pageTable{Label: "Rules of program " + f.Program, Columns: columnsOf(1, "rule", "looked at", "pays", "why not, and what limits took")}
			t.Columns[3].Number = false
			for _, r := range f.Rules {
				var parts []string
				for _, reason := range r.Reasons {
					parts = append(parts, reason.Reason+" "+count(reason.Sources))
				}
				for _, taken := range r.Taken {
					parts = append(parts, fmt.Sprintf("%s took %s %s", strings.ReplaceAll(taken.Step, "_", " "), unbroken(taken.Amount), taken.Reward))
				}
				t.Rows = append(t.Rows, []string{r.Rule, count(r.Looked), count(r.Pays), strings.Join(parts, " · ")})
			}
			next.Rules = t
		}
		p.Funnels = append(p.Funnels, next)
	}
}

func (p *page) rejects(rep *jobs.Report) {
	if len(rep.Rejects) == 0 {
		return
	}
	p.Rejects = &pageTable{Label: "Rejected rows by reason", Columns: columnsOf(2, "dataset", "reason", "rows")}
	for _, r := range rep.Rejects {
		p.Rejects.Rows = append(p.Rejects.Rows, []string{r.Dataset, r.Reason, count(r.Rows)})
	}
	p.RejectRows = &pageTable{Label: "Rejected rows", Columns: columnsOf(4, "file", "row", "reason", "detail")}
	for _, r := range rep.RejectRows {
		p.RejectRows.Rows = append(p.RejectRows.Rows, []string{r.File, strconv.FormatInt(r.Row, 10), r.Reason, r.Detail})
	}
}

func (p *page) breaks(rep *jobs.Report) {
	if rep.Reconciled == nil {
		return
	}
	p.Reconciled, p.OpenText = rep.Reconciled.AsOf, plural(rep.OpenBreaks, "break is open", "breaks are open")
	p.ties(rep.Reconciled)
	if len(rep.BreakCounts) > 0 {
		p.BreakCounts = &pageTable{Label: "Open breaks", Columns: columnsOf(4, "tie", "program", "type", "age in days", "breaks")}
		for _, c := range rep.BreakCounts {
			p.BreakCounts.Rows = append(p.BreakCounts.Rows, []string{c.Tie, dash(c.Program), c.Type, c.Age, count(c.Breaks)})
		}
	}
	if shown := int64(len(rep.Breaks)); shown < rep.OpenBreaks {
		p.BreakNote = fmt.Sprintf("The first %s of %s; accrue reconcile --out breaks.csv writes them all.", count(shown), count(rep.OpenBreaks))
	}
	for _, b := range rep.Breaks {
		next := pageBreak{Type: b.Type, Date: b.Date, Key: b.Key, What: b.What, Tie: b.Tie, Age: plural(int64(b.AgeDays), "day", "days"), Member: b.Member,
			FoundOn: b.FoundOn}
		switch {
		case b.Expected != "" && b.Found != "":
			next.Figures = noBreak(figure(b.Expected)) + " expected, " + noBreak(figure(b.Found)) + " found"
		case b.Expected != "":
			next.Figures = noBreak(figure(b.Expected)) + " expected"
		case b.Found != "":
			next.Figures = noBreak(figure(b.Found)) + " found"
		}
		for _, s := range b.Sources {
			text := s.File
			if s.Row > 0 {
				text += fmt.Sprintf(", row %d", s.Row)
			}
			if s.ID != "" {
				text += ": " + s.ID
			}
			next.Sources = append(next.Sources, text)
		}
		if b.Explanation != nil {
			var out bytes.Buffer
			text := &app{out: screen{&out}, project: "."}
			text.writeGrant(b.Explanation)
			text.writeExplanation(b.Explanation.Explanation)
			next.Explanation = out.String()
		} else if b.Rule != "" && strings.Count(b.Key, "/") == 4 {
			next.Command = "accrue explain grant " + shellWord(b.Key)
		}
		p.Breaks = append(p.Breaks, next)
	}
}

// ties shows both sides of every tie, as the last reconciliation found them.
func (p *page) ties(s *jobs.ReconcileSummary) {
	if s.Program != "" {
		p.Notes = append(p.Notes, "it looked at program "+s.Program+" only")
	}
	if s.From != "" || s.To != "" {
		p.Notes = append(p.Notes, strings.Join(strings.Fields("it looked at dates "+fromTo(s.From, s.To)+" only"), " "))
	}
	p.Notes = append(p.Notes, s.Notes...)
	if len(s.Ties) == 0 {
		return
	}
	p.Ties = &pageTable{Label: "Both sides of every tie", Columns: columnsOf(3, "tie", "program", "of", "rows", "amount", "rows found", "amount found", "breaks")}
	for _, t := range s.Ties {
		p.Ties.Rows = append(p.Ties.Rows, []string{t.Tie, dash(t.Program), t.Of, count(t.LeftRows), thousands(t.Left), count(t.RightRows),
			thousands(t.Right), count(t.Breaks)})
	}
}

func fromTo(from, to string) string {
	if from != "" {
		from = "from " + from
	}
	if to != "" {
		to = "to " + to
	}
	return from + " " + to
}

// unbroken writes a number with blanks between thousands that no line is broken at.
func unbroken(number string) string { return noBreak(thousands(number)) }

func noBreak(text string) string { return strings.ReplaceAll(text, " ", "\u00a0") }
