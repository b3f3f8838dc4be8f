package jobs

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Ten purchases of the largest amount earn more than 64 bits hold, in ten-thousandths: no sum may stop a night or a page.
func TestSumsOfTheLargestAmounts(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{
		"plain":       "",
		"with budget": "  - {id: little, kind: visit, earn: 1, budget: 1000000}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plainProject(t, strings.Replace(plainProgram, "per: 100}", "per: 1}", 1)+more)
			var rows []string
			returns := "return_id,transaction_id,amount,occurred_at\n"
			for i := range 10 {
				rows = append(rows, fmt.Sprintf("t%d m 2026-11-20 100000000000000", i))
				returns += fmt.Sprintf("r%d,t%[1]d,1,2026-11-21T10:00\n", i)
			}
			deliver(t, p, "2026-11-20", rows...)
			run(t, p, "2026-11-20")
			deliver(t, p, "2026-11-21", "u n 2026-11-21 1")
			write(t, filepath.Join(p.ExportsDir(), "date=2026-11-21", "returns.csv"), returns)
			s := run(t, p, "2026-11-21")
			// An accrual of 1 for u, and ten reversals of 1; where there is a budget, 1 for its visit too.
			want := "base 1 1 · base 10 -10"
			if more != "" {
				want += " · little 1 1"
			}
			if got := grantsOf(s); got != want {
				t.Errorf("on the 21st: %s, want %s", got, want)
			}
			largest, bin := "999999999999990", ReportBin{From: "100000000000000", Below: "1000000000000000", Members: 1}
			if more != "" { // ten visits
				largest, bin = "1000000000000000", ReportBin{From: "1000000000000000", Below: "10000000000000000", Members: 1}
			}
			m := report(t, p, ReportOptions{}).Members[0]
			if m.Members != 2 || m.Largest != largest || m.P90 != largest || m.Bins[len(m.Bins)-1] != bin {
				t.Errorf("the report says %+v, want %s at most, in %+v", m, largest, bin)
			}
			if left := backfill(t, p, "2026-11-20", "2026-11-21", dryRun); len(left.Programs[0].Days) > 0 {
				t.Errorf("an evaluation of everything has more to post: %+v", left.Programs[0].Days)
			}
		})
	}
}

// Ten lines of the largest amount are more than 64 bits hold, too: they count for as much as was spent.
func TestLinesOfTheLargestAmounts(t *testing.T) {
	t.Parallel()
	items := strings.Replace(plainProgram, "per: 100}", "per: 1, items: {include: {brand: [b]}}}", 1)
	lines := func(quantity string) string {
		text := "transaction_id,line_no,item_id,brand,quantity,amount\n"
		for _, id := range []string{"t", "u"} {
			for i := range 10 {
				text += fmt.Sprintf("%s,%d,i,b,%s,100000000000000\n", id, i, quantity)
			}
		}
		return text + "v,1,i,b,1,5\nv,2,i,b,1,-100000000000000\n"
	}
	rows := []string{"t m 2026-11-20 100000000000000", "u m 2026-11-20 100000000000000", "v m 2026-11-20 7"}

	p := plainProject(t, items)
	deliver(t, p, "2026-11-20", rows...)
	// As many pieces as nobody asks for.
	write(t, filepath.Join(p.ExportsDir(), "date=2026-11-20", "items.csv"), lines("100000000000000"))
	// One comes back, of no line in particular: the others are still worth more than what is left of the purchase.
	write(t, filepath.Join(p.ExportsDir(), "date=2026-11-20", "returns.csv"),
		"return_id,transaction_id,amount,occurred_at\nr,u,1,2026-11-20T11:00\n")
	if got, want := grantsOf(run(t, p, "2026-11-20")), "base 2 199999999999999"; got != want {
		t.Errorf("the night gives %s, want %s", got, want)
	}

	p = plainProject(t, items+"  - {id: pieces, kind: quantity, earn: 1, per: 1, items: {include: {brand: [b]}}}\n")
	deliver(t, p, "2026-11-20", rows...)
	write(t, filepath.Join(p.ExportsDir(), "date=2026-11-20", "items.csv"), lines("100000000000000"))
	d := day(t, "2026-11-20")
	_, err := Run(t.Context(), p, RunOptions{Date: &d})
	if err == nil || !strings.Contains(err.Error(), "transaction t: the quantities of its lines add up to more than 64 bits hold") &&
		!strings.Contains(err.Error(), "transaction u: the quantities of its lines add up to more than 64 bits hold") {
		t.Errorf("quantities that no rule can count give %v", err)
	}
}
