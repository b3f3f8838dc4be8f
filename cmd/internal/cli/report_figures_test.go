package cli

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// figures are what a page shows: its tables by their labels, and its cards.
type figures struct {
	tables map[string][]string // rows as cells with bars between them; columns that are drawn are left out
	cards  map[string]string
}

// readPage reads a page by looks of its own.
func readPage(t *testing.T, path string) figures {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := figures{tables: map[string][]string{}, cards: map[string]string{}}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var label, term, cell string
	var row []string
	var body, drawn bool
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			cell, drawn = "", drawn || e.Name.Local == "svg"
			switch e.Name.Local {
			case "div":
				for _, a := range e.Attr {
					if a.Name.Local == "aria-label" {
						label = a.Value
					}
				}
			case "tbody":
				body = true
			case "tr":
				row = nil
			case "td", "th":
				drawn = false
			}
		case xml.CharData:
			cell += string(e)
		case xml.EndElement:
			switch e.Name.Local {
			case "td", "th":
				if !drawn {
					row = append(row, strings.NewReplacer(" ", "", "\u00a0", "").Replace(cell))
				}
			case "tr":
				if body {
					out.tables[label] = append(out.tables[label], strings.Join(row, "|"))
				}
			case "tbody":
				body = false
			case "dt":
				term = cell
			case "dd":
				out.cards[term] = strings.ReplaceAll(cell, " ", "")
			}
		}
	}
}

// asked runs a command and reads its JSON.
func asked[T any](t *testing.T, code int, args ...string) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(accrue(t, code, append(args, "--json")...)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

type rolled struct {
	Rows []struct {
		Program, Reward                                                        string
		By                                                                     map[string]string
		Grants                                                                 int64
		Opening, Accruals, Adjustments, Reversals, Closing, Pending, Available string
		Expired                                                                string
	}
	Expiring  []struct{ Month, Program, Reward, Amount string }
	Liability []struct{ Program, Reward, Balance, Rate, Worth, Currency string }
}

// Every figure on the page is one that a command gives: each table and each card of the sample's page is put together
// again from reconcile, explain, grants and run, and none is left over.
func TestFiguresOnThePageAreThoseOfCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	accrue(t, exitDone, "init", dir)
	at := func(args ...string) []string { return append([]string{"--project", dir}, args...) }
	spoil(t, dir)
	want := figures{tables: map[string][]string{}, cards: map[string]string{}}
	add := func(label string, cells ...string) {
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, " ", "")
		}
		want.tables[label] = append(want.tables[label], strings.Join(cells, "|"))
	}
	number := func(n int64) string { return fmt.Sprint(n) }
	wantRuns(t, at, &want, add)

	rate := []string{"--rate", "points=0.25"}
	const names = ": %s, program %s"
	for _, by := range []string{"", "date", "rule", "tier", "store", "channel"} {
		args := append(at("reconcile", "--roll-forward"), rate...)
		if by != "" {
			args = append(args, "--by", by)
		}
		roll := asked[rolled](t, exitDone, args...)
		for _, r := range roll.Rows {
			label := fmt.Sprintf("Grants by "+by+names, r.Reward, r.Program)
			five := []string{r.Opening, r.Accruals, r.Adjustments, r.Reversals, r.Closing}
			if by == "" {
				add("Roll-forward", append(append([]string{r.Program, r.Reward}, five...), r.Pending, r.Available, r.Expired)...)
				want.cards["Closing "+r.Reward+", "+r.Program] = r.Closing
				continue
			}
			add(label, append([]string{r.By[by], number(r.Grants)}, five...)...)
		}
		if by != "" {
			continue
		}
		for _, e := range roll.Expiring {
			add("What expires when", e.Month, e.Program, e.Reward, e.Amount)
		}
		for _, l := range roll.Liability {
			add("Liability", l.Program, l.Reward, l.Balance, l.Rate, l.Worth+l.Currency)
		}
	}
	wantMembers(t, at, add)
	wantFunnel(t, dir, at, add)

	rec := asked[struct {
		Ties []struct {
			Tie, Program, Of, Left, Right string
			LeftRows                      int64 `json:"left_rows"`
			RightRows                     int64 `json:"right_rows"`
			Breaks                        int64
		}
		OpenBreaks []struct {
			Tie, Program, Type, Age string
			Breaks                  int64
		} `json:"open_breaks"`
		Open int64
	}](t, exitFindings, at("reconcile")...)
	for _, r := range rec.Ties {
		add("Both sides of every tie", r.Tie, dash(r.Program), r.Of, number(r.LeftRows), r.Left, number(r.RightRows), r.Right, number(r.Breaks))
	}
	for _, c := range rec.OpenBreaks {
		add("Open breaks", c.Tie, dash(c.Program), c.Type, c.Age, number(c.Breaks))
	}
	want.cards["Open breaks"] = number(rec.Open)

	page := filepath.Join(dir, "report.html")
	accrue(t, exitDone, append(at("report", "--out", page), rate...)...)
	got := readPage(t, page)
	if diff := gocmp.Diff(want.tables, got.tables); diff != "" {
		t.Errorf("tables (-commands +page):\n%s", diff)
	}
	if diff := gocmp.Diff(want.cards, got.cards); diff != "" {
		t.Errorf("cards (-commands +page):\n%s", diff)
	}
}

// spoil gives the sample a row that is rejected.
func spoil(t *testing.T, dir string) {
	t.Helper()
	for name, change := range map[string][2]string{
		"accrue.yaml":                            {"max_rejects: 0.1 %", "max_rejects: 5"},
		"exports/date=2026-11-20/activities.csv": {"activity_id,", "activity_id,"},
	} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out := strings.Replace(string(text), change[0], change[1], 1)
		if filepath.Ext(name) == ".csv" {
			out += strings.Repeat(",", strings.Count(strings.SplitN(out, "\n", 2)[0], ",")) + "\n"
		}
		if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// wantRuns runs the nights; what they say was read, rejected and published is on the page.
func wantRuns(t *testing.T, at func(...string) []string, want *figures, add func(string, ...string)) {
	t.Helper()
	rows := map[string]int64{"corrected": 1} // TX-1015, which the second delivery says otherwise
	var publications, grants, deliveries int64
	for _, night := range []string{"2026-11-20", "2026-11-21"} {
		run := asked[struct {
			Deliveries []struct{ Files int64 }
			Datasets   []struct {
				Dataset                                         string
				Read, Accepted, Duplicate, Superseded, Rejected int64
			}
			Programs []struct{ Published []struct{ Rows int64 } }
		}](t, exitDone, at("run", "--date", night)...)
		deliveries += int64(len(run.Deliveries))
		for _, d := range run.Datasets {
			rows["read"] += d.Read
			rows["rejected"] += d.Rejected
			if d.Dataset == "transactions" || d.Dataset == "activities" {
				rows["sources"] += d.Read
				rows["refused"] += d.Rejected
			}
		}
		for _, p := range run.Programs {
			for _, published := range p.Published {
				publications++
				grants += published.Rows
			}
		}
	}
	for card, n := range map[string]int64{"Grants posted": grants, "Publications": publications, "Deliveries": deliveries,
		"Rows read": rows["read"], "Rows rejected": rows["rejected"]} {
		want.cards[card] = fmt.Sprint(n)
	}
	for _, program := range []string{"jcb", "stamps"} {
		for _, line := range [][2]string{{"read from the period’s deliveries", "sources"}, {"of those repeated or superseded", "corrected"},
			{"of those rejected", "refused"}} {
			add("Rows of program "+program, line[0], fmt.Sprint(rows[line[1]]))
		}
	}
	add("Rejected rows by reason", "activities", "missing_key", "1")
	add("Rejected rows", "date=2026-11-20/activities.csv", "35", "missing_key", "activity_id=")
}

// wantMembers adds the grants that are listed up by member.
func wantMembers(t *testing.T, at func(...string) []string, add func(string, ...string)) {
	t.Helper()
	type grant struct {
		Program, Reward, Amount string
		MemberID                string `json:"member_id"`
	}
	net := map[[2]string]map[string]decimal.Decimal{}
	for _, g := range asked[[]grant](t, exitDone, at("grants")...) {
		of := [2]string{g.Program, g.Reward}
		if net[of] == nil {
			net[of] = map[string]decimal.Decimal{}
		}
		net[of][g.MemberID] = net[of][g.MemberID].Add(decimal.RequireFromString(g.Amount))
	}
	for of, members := range net {
		label := fmt.Sprintf("Members by what they were granted: %s, program %s", of[1], of[0])
		below := 0
		for _, n := range members {
			if !n.IsPositive() {
				below++
			}
		}
		if below > 0 {
			add(label, "0 or less", fmt.Sprint(below))
		}
		for low := decimal.New(1, -4); low.LessThan(decimal.New(1, 9)); low = low.Shift(1) {
			in := 0
			for _, n := range members {
				if !n.LessThan(low) && n.LessThan(low.Shift(1)) {
					in++
				}
			}
			if in > 0 {
				add(label, fmt.Sprintf("from %s to below %s", low, low.Shift(1)), fmt.Sprint(in))
			}
		}
	}
}

// wantFunnel counts the decisions that explain writes.
func wantFunnel(t *testing.T, dir string, at func(...string) []string, add func(string, ...string)) {
	t.Helper()
	why := filepath.Join(dir, "why.csv")
	explained := asked[struct {
		Programs []struct {
			Program string
			Rules   []struct{ Rule string }
		}
	}](t, exitDone, at("explain", "--from", "2026-11-20", "--to", "2026-11-21", "--out", why)...)
	f, err := os.Open(why)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(row []string, name string) string { return row[slices.Index(rows[0], name)] }
	type rule struct {
		looked, pays int
		why          map[string]int
		took         map[string]decimal.Decimal
	}
	rules := map[[2]string]*rule{}
	sources := map[string]map[string]bool{"jcb": {}, "stamps": {}}
	for _, row := range rows[1:] {
		k := [2]string{column(row, "program"), column(row, "rule")}
		r := rules[k]
		if r == nil {
			r = &rule{why: map[string]int{}, took: map[string]decimal.Decimal{}}
			rules[k] = r
		}
		r.looked++
		if column(row, "member_id") != "" {
			sources[k[0]][column(row, "source_type")+column(row, "source_id")] = true
		}
		if reason := column(row, "reason"); reason == "" {
			r.pays++
		} else {
			r.why[reason]++
		}
		steps := []string{"earned", "after_per_transaction", "after_best_of", "after_times", "after_amounts", "after_budget", "amount"}
		for i, step := range steps[1:] {
			if column(row, steps[i]) == "" || column(row, step) == "" {
				break
			}
			name := strings.ReplaceAll(strings.TrimPrefix(step, "after_"), "_", " ")
			if step == "amount" {
				name = "program limits"
			}
			took := decimal.RequireFromString(column(row, steps[i])).Sub(decimal.RequireFromString(column(row, step)))
			name += " took %s " + column(row, "reward")
			r.took[name] = r.took[name].Add(took)
		}
	}
	for program, of := range sources {
		add("Rows of program "+program, "decided upon: with a member and a business date in the period", fmt.Sprint(len(of)))
	}
	var order [][2]string
	for _, p := range explained.Programs {
		for _, r := range p.Rules {
			if k := [2]string{p.Program, r.Rule}; !slices.Contains(order, k) {
				order = append(order, k)
			}
		}
	}
	for _, k := range order {
		r := rules[k]
		var parts []string
		for reason := range r.why {
			parts = append(parts, reason)
		}
		slices.SortFunc(parts, func(a, b string) int {
			if r.why[a] != r.why[b] {
				return r.why[b] - r.why[a]
			}
			return strings.Compare(a, b)
		})
		for i, reason := range parts {
			parts[i] = fmt.Sprintf("%s %d", reason, r.why[reason])
		}
		took := slices.Collect(maps.Keys(r.took))
		took = slices.DeleteFunc(took, func(name string) bool { return r.took[name].IsZero() })
		stages := []string{"per transaction", "best of", "times", "amounts", "budget", "program limits"}
		stage := func(name string) int { return slices.Index(stages, name[:strings.Index(name, " took")]) }
		slices.SortFunc(took, func(a, b string) int { return cmp.Or(stage(a)-stage(b), strings.Compare(a, b)) })
		for i, name := range took {
			took[i] = fmt.Sprintf(name, r.took[name])
		}
		add("Rules of program "+k[0], k[1], fmt.Sprint(r.looked), fmt.Sprint(r.pays), strings.Join(append(parts, took...), " · "))
	}
}
