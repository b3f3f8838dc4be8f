package cli

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/jobs"
	"accrue/pipeline/safetext"
)

//go:embed report.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"t": safetext.Line, "bar": barCell}).Parse(pageText))

// page is what the template fills in. Amounts have blanks between thousands.
type page struct {
	Title, From, To, TimeWord        string
	Programs                         []jobs.ReportProgram
	Cards                            []pageCard
	Balances, Expiring, Liability    *pageTable
	Charts                           []pageChart
	Parts                            []pagePart
	MemberTables                     []*pageTable
	Funnels                          []pageFunnel
	Rejects, RejectRows, BreakCounts *pageTable
	Ties                             *pageTable
	Notes                            []string // of the reconciliation
	Reconciled, OpenText, BreakNote  string
	OpenBreaks                       int64
	Breaks                           []pageBreak
}

type pageCard struct{ Name, Value, Class string }

type pageColumn struct {
	Name        string
	Number, Bar bool
}

// pagePart is the roll-forward parted by one dimension.
type pagePart struct {
	ID, By, Note string
	Tables       []*pageTable
}

// pageTable is one table; a cell of a bar column is a share of the width, -1000 to 1000.
type pageTable struct {
	Label, Caption string
	Note           string // what is not shown
	Columns        []pageColumn
	Rows           [][]string
}

type pageChart struct {
	Title string
	SVG   template.HTML
	Table *pageTable
}

type pageFunnel struct {
	Program, Skipped string
	Rows, Rules      *pageTable
}

type pageBreak struct {
	Type, Date, Key, Figures, What, Tie, Age, Member, FoundOn, Explanation, Command string
	Sources                                                                         []string
}

// writePage writes a report as HTML.
func writePage(w io.Writer, rep *jobs.Report) error {
	p := &page{From: rep.From, To: rep.To, Programs: rep.Programs, OpenBreaks: rep.OpenBreaks, TimeWord: "date"}
	if len(rep.ByTime.By) > 0 {
		p.TimeWord = rep.ByTime.By[0]
	}
	var names []string
	for _, pr := range rep.Programs {
		name := pr.Name
		if name == "" {
			name = pr.Program
		}
		names = append(names, name)
	}
	p.Title = strings.Join(names, ", ") + ", " + rep.From + " to " + rep.To
	p.cards(rep)
	p.balances(rep)
	p.charts(rep)
	p.Parts = []pagePart{
		{ID: "rules", By: "rule", Tables: p.bars(rep.ByRule, "rule")},
		{ID: "tiers", By: "tier", Note: "The tier that the member had on the business day.", Tables: p.bars(rep.ByTier, "tier")},
		{ID: "stores", By: "store", Note: "The store of the purchase or activity; - where there is none.", Tables: p.bars(rep.ByStore, "store")},
		{ID: "channels", By: "channel", Note: "The channel of the purchase; - where there is none.", Tables: p.bars(rep.ByChannel, "channel")},
	}
	p.members(rep)
	p.funnel(rep)
	p.rejects(rep)
	p.breaks(rep)
	return pageTemplate.Execute(w, p)
}

func (p *page) cards(rep *jobs.Report) {
	var read, rejected int64
	for _, d := range rep.Datasets {
		read, rejected = read+d.Read, rejected+d.Rejected
	}
	p.Cards = []pageCard{{"Grants posted", count(rep.Grants), ""}}
	for _, r := range rep.Balances.Rows {
		name := "Closing " + r.Reward
		if len(rep.Programs) > 1 {
			name += ", " + r.Program
		}
		p.Cards = append(p.Cards, pageCard{name, thousands(r.Closing), ""})
	}
	p.Cards = append(p.Cards, pageCard{"Deliveries", count(rep.Deliveries), ""}, pageCard{"Rows read", count(read), ""},
		pageCard{"Rows rejected", count(rejected), bad(rejected)}, pageCard{"Publications", count(rep.Publications), ""})
	open := pageCard{"Open breaks", "not reconciled", ""}
	if rep.Reconciled != nil {
		open = pageCard{"Open breaks", count(rep.OpenBreaks), bad(rep.OpenBreaks)}
	}
	p.Cards = append(p.Cards, open)
}

func bad(n int64) string {
	if n > 0 {
		return "bad"
	}
	return "good"
}

func columnsOf(texts int, names ...string) []pageColumn {
	out := make([]pageColumn, len(names))
	for i, n := range names {
		out[i] = pageColumn{Name: n, Number: i >= texts}
	}
	return out
}

func (p *page) balances(rep *jobs.Report) {
	t := &pageTable{Label: "Roll-forward", Columns: columnsOf(2, "program", "reward", "opening", "accruals", "adjustments", "reversals", "closing",
		"held", "available", "expired")}
	for _, r := range rep.Balances.Rows {
		row := []string{r.Program, r.Reward}
		for _, c := range rollCells(r) {
			row = append(row, thousands(c))
		}
		t.Rows = append(t.Rows, row)
	}
	p.Balances = t
	if len(rep.Balances.Expiring) > 0 {
		p.Expiring = &pageTable{Label: "What expires when", Columns: columnsOf(3, "month", "program", "reward", "amount")}
		for _, e := range rep.Balances.Expiring {
			p.Expiring.Rows = append(p.Expiring.Rows, []string{e.Month, e.Program, e.Reward, thousands(e.Amount)})
		}
	}
	if len(rep.Balances.Liable) > 0 {
		p.Liability = &pageTable{Label: "Liability", Columns: columnsOf(2, "program", "reward", "balance", "rate", "worth")}
		for _, l := range rep.Balances.Liable {
			p.Liability.Rows = append(p.Liability.Rows, []string{l.Program, l.Reward, thousands(l.Balance), l.Rate, thousands(l.Worth) + " " + l.Currency})
		}
	}
}

// series parts the rows of a roll-forward by program and reward, in order.
func series(roll *jobs.RollForward) [][]jobs.RollRow {
	var out [][]jobs.RollRow
	for i, r := range roll.Rows {
		if i == 0 || r.Program != roll.Rows[i-1].Program || r.Reward != roll.Rows[i-1].Reward {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], r)
	}
	return out
}

func (p *page) name(r jobs.RollRow) string {
	if len(p.Programs) > 1 {
		return r.Reward + ", program " + r.Program
	}
	return r.Reward
}

// number reads a decimal that accrue has written, for the length of a bar.
func number(s string) decimal.Decimal {
	d, err := decimal.NewFromString(s)
	if err != nil {
		return decimal.Zero
	}
	return d
}

// added is what a line added: accruals, adjustments and reversals.
func added(r jobs.RollRow) decimal.Decimal {
	return number(r.Accruals).Add(number(r.Adjustments)).Add(number(r.Reversals))
}

// shares are the values as parts of the largest, in thousandths.
func shares(values []decimal.Decimal) []string {
	most := decimal.Zero
	for _, v := range values {
		if v.Abs().GreaterThan(most) {
			most = v.Abs()
		}
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = "0"
		if !most.IsZero() {
			out[i] = v.Mul(decimal.NewFromInt(1000)).DivRound(most, 0).String()
		}
	}
	return out
}

// barCell draws a bar of a share in thousandths.
func barCell(share string) template.HTML {
	v := number(share).IntPart()
	class := "up"
	if v < 0 {
		class, v = "down", -v
	}
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><rect class="%s" width="%d" height="10"/></svg>`, class, v)) //nolint:gosec // two words and a number
}

// pageRows is how many rows a table by rule, tier, store or channel shows.
const pageRows = 100

// bars are tables by one dimension, with what was added as a bar. Where there are too many rows to look at, those that
// added most are shown.
func (p *page) bars(roll *jobs.RollForward, by string) []*pageTable {
	var out []*pageTable
	for _, rows := range series(roll) {
		t := &pageTable{Label: "Grants by " + by + ": " + p.name(rows[0]), Caption: p.name(rows[0]),
			Columns: append(columnsOf(1, by, "grants", "opening", "accruals", "adjustments", "reversals", "closing"), pageColumn{Name: "added", Bar: true})}
		if len(rows) > pageRows {
			t.Note = fmt.Sprintf("%s of %s, those that added or took back most; accrue reconcile --roll-forward --by %s has them all.",
				count(pageRows), count(int64(len(rows))), by)
			rows = slices.Clone(rows)
			slices.SortStableFunc(rows, func(a, b jobs.RollRow) int { return added(b).Abs().Cmp(added(a).Abs()) })
			rows = rows[:pageRows]
		}
		values := make([]decimal.Decimal, len(rows))
		for i, r := range rows {
			values[i] = added(r)
		}
		for i, share := range shares(values) {
			r := rows[i]
			row := []string{r.By[by], count(r.Grants)}
			for _, c := range rollCells(r)[:5] {
				row = append(row, thousands(c))
			}
			t.Rows = append(t.Rows, append(row, share))
		}
		out = append(out, t)
	}
	return out
}

func (p *page) charts(rep *jobs.Report) {
	for _, rows := range series(rep.ByTime) {
		t := &pageTable{Label: "Grants by " + p.TimeWord + ": " + p.name(rows[0]), Columns: columnsOf(1, p.TimeWord, "grants", "opening", "accruals", "adjustments", "reversals", "closing")}
		for _, r := range rows {
			t.Rows = append(t.Rows, []string{r.By[p.TimeWord], count(r.Grants), thousands(r.Opening), thousands(r.Accruals), thousands(r.Adjustments),
				thousands(r.Reversals), thousands(r.Closing)})
		}
		p.Charts = append(p.Charts, pageChart{Title: p.name(rows[0]), SVG: timeChart(rows, p.TimeWord), Table: t})
	}
}

// timeChart draws what was added above a line and what was taken back below it.
func timeChart(rows []jobs.RollRow, word string) template.HTML {
	const width, height, left, foot = 900, 240, 10, 40
	up, down := make([]decimal.Decimal, len(rows)), make([]decimal.Decimal, len(rows))
	most, least := decimal.Zero, decimal.Zero
	for i, r := range rows {
		up[i], down[i] = number(r.Accruals).Add(number(r.Adjustments)), number(r.Reversals)
		most, least = decimal.Max(most, up[i]), decimal.Min(least, down[i])
	}
	span := most.Sub(least)
	if span.IsZero() {
		span = decimal.NewFromInt(1)
	}
	length := func(d decimal.Decimal) int64 { // in pixels; only the eye needs it
		return d.Abs().Mul(decimal.NewFromInt(height-foot-20)).DivRound(span, 0).IntPart()
	}
	_, places, _ := strings.Cut(rows[0].Closing, ".") // those of the reward's scale
	text := func(d decimal.Decimal) string { return thousands(d.StringFixed(int32(len(places)))) }
	zero := 20 + length(most)
	step := (width - left) / max(len(rows), 4)
	var b bytes.Buffer
	first, last := rows[0].By[word], rows[len(rows)-1].By[word]
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height, template.HTMLEscapeString(
		fmt.Sprintf("%s by %s from %s to %s; at most %s in one", rows[0].Reward, word, first, last, text(most))))
	fmt.Fprintf(&b, `<text x="%d" y="12">%s</text>`, left, template.HTMLEscapeString(text(most)))
	for i, r := range rows {
		x := left + i*step
		fmt.Fprintf(&b, `<g><title>%s: %s, taken back %s</title><rect class="up" x="%d" y="%d" width="%d" height="%d"/><rect class="down" x="%d" y="%d" width="%d" height="%d"/></g>`,
			r.By[word], text(up[i]), text(down[i]), x, zero-length(up[i]), max(step*3/4, 1), length(up[i]),
			x, zero, max(step*3/4, 1), length(down[i]))
		if i%max(1, len(rows)/9) == 0 {
			fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`, x, height-8, r.By[word])
		}
	}
	fmt.Fprintf(&b, `<line x1="0" y1="%d" x2="%d" y2="%d"/></svg>`, zero, width, zero)
	return template.HTML(b.String()) //nolint:gosec // dates and figures of accrue, and what is escaped
}
