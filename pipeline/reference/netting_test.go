package reference

import (
	"fmt"
	"strings"
	"testing"

	"accrue/pipeline/program"
)

// netted shows a transaction of 100 with lines after its returns: basis, then left/units/qualifies by line.
func netted(p *program.Program, items, returns string) string {
	facts, _ := Resolve([]Delivery{delivery("2026-11-20",
		"transactions", "transaction_id,occurred_at,amount,tax,gift_card\nt,2026-11-20T10:00,100,10,20",
		"items", "transaction_id,line_no,item_id,amount,quantity\n"+items,
		"returns", "return_id,transaction_id,line_no,amount,quantity,tax,occurred_at\n"+returns)}, nil)
	got := net(facts.Transactions[0], facts.Items, facts.Returns, p)
	out := []string{fmt.Sprintf("basis %s", got.basis)}
	if got.fullyReturned {
		out[0] += " fully returned"
	}
	for _, l := range got.lines {
		s := fmt.Sprintf("%s: %s/%s", l.LineNo, l.left, l.units)
		if l.qualifies() {
			s += " q"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func TestNetting(t *testing.T) {
	const at = ",2026-11-21T10:00"
	excluding := version(1, "2026-01-01")
	excluding.Exclude = []program.Part{"tax", "gift_card"}
	ignoring := version(1, "2026-01-01")
	ignoring.Returns = program.ReturnsIgnore
	plain := version(1, "2026-01-01")
	for _, c := range []struct {
		name           string
		p              *program.Program
		items, returns string
		want           string
	}{
		{"nothing returned", plain, "t,1,A,60,2\nt,2,B,40,1", "", "basis 100, 1: 60/2 q, 2: 40/1 q"},
		{"excluded parts", excluding, "", "", "basis 70"},
		// 100 − 30 − max(0, 10 − 4) − 20 = 44
		{"each less what was returned of it", excluding, "", "r,t,,30,,4" + at, "basis 44"},
		{"a part over-returned counts as zero", excluding, "", "r,t,,30,,12" + at, "basis 50"},
		{"fully returned", plain, "", "r,t,,60,," + at + "\nq,t,,40,," + at, "basis 0 fully returned"},
		{"ignored", ignoring, "t,1,A,60,2", "r,t,1,60,2," + at, "basis 100, 1: 60/2 q"},
		{"a line with quantity", plain, "t,1,A,60,2\nt,2,B,40,1", "r,t,1,30,1," + at, "basis 70, 1: 30/1 q, 2: 40/1 q"},
		{"F18: no quantity leaves it alone", plain, "t,1,A,60,2", "r,t,1,59.99,," + at, "basis 40.01, 1: 0.01/2 q"},
		{"F18: until the amount is used up", plain, "t,1,A,60,2", "r,t,1,30,," + at + "\nq,t,1,30,," + at,
			"basis 40, 1: 0/0"},
		{"F18: what exceeds a line is not moved", plain, "t,1,A,60,2\nt,2,B,40,1", "r,t,1,70,," + at,
			"basis 30, 1: 0/0, 2: 40/1 q"},
		{"F18: a line that no item has", plain, "t,1,A,60,2", "r,t,7,30,," + at, "basis 70, 1: 60/2 q"},
		{"F20: all amount gone by quantity 1 of 2", plain, "t,1,A,60,2", "r,t,1,60,1," + at, "basis 40, 1: 0/1"},
		{"F20: sold at zero", plain, "t,1,A,0,2\nt,2,B,0,0", "r,t,1,1,2," + at, "basis 99, 1: 0/0, 2: 0/0"},
		{"sold at zero and there", plain, "t,1,A,0,2", "", "basis 100, 1: 0/2 q"},
		// R = 10 over 60 and 40: 10 × 60/100 = 6, 10 − 6 = 4
		{"spread", plain, "t,1,A,60,2\nt,2,B,40,1", "r,t,,10,," + at, "basis 90, 1: 54/2 q, 2: 36/1 q"},
		// R = 1 over three of 30: rhu 0.3333, 0.6667 − 0.3333 = 0.3334, 1 − 0.6667 = 0.3333
		{"spread with rounding", plain, "t,1,A,30,1\nt,2,B,30,1\nt,3,C,30,1", "r,t,,1,," + at,
			"basis 99, 1: 29.6667/1 q, 2: 29.6666/1 q, 3: 29.6667/1 q"},
		// F53: 2 before 10, digits before others: C runs 30 (2), 60 (10), 90 (x)
		{"spread in order of line_no", plain, "t,x,A,30,1\nt,10,B,30,1\nt,2,C,30,1", "r,t,,1,," + at,
			"basis 99, 2: 29.6667/1 q, 10: 29.6666/1 q, x: 29.6667/1 q"},
		// F16: line 1 has 20 left, line 2 has 40; R = 6: 2 and 4
		{"spread after the returns with line_no", plain, "t,1,A,60,2\nt,2,B,40,1", "r,t,1,40,," + at + "\nq,t,,6,," + at,
			"basis 54, 1: 18/2 q, 2: 36/1 q"},
		{"F16: nothing to spread over", plain, "t,1,A,60,2", "r,t,1,60,," + at + "\nq,t,,6,," + at, "basis 34, 1: 0/0"},
		{"spread is capped at the line", plain, "t,1,A,10,1", "r,t,,60,," + at, "basis 40, 1: 0/1"},
		{"F23: discount lines take no part", plain, "t,1,A,110,1\nt,2,B,-10,3", "r,t,,11,," + at + "\nq,t,2,5,1," + at,
			"basis 84, 1: 99/1 q, 2: -10/0"},
	} {
		if got := netted(c.p, c.items, c.returns); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// However a refund is split into parts, the end is the same (section 6).
func TestSplittingARefundChangesNothing(t *testing.T) {
	p := version(1, "2026-01-01")
	const items, at = "t,1,A,33.33,1\nt,2,B,44.44,1\nt,3,C,22.23,1", ",2026-11-21T10:00"
	whole := netted(p, items, "r,t,,17.77,,"+at)
	for _, parts := range [][]string{{"10", "7.77"}, {"0.0001", "17.7699"}, {"5", "5", "5", "2.77"}} {
		var returns []string
		for i, part := range parts {
			returns = append(returns, fmt.Sprintf("r%d,t,,%s,,%s", i, part, at))
		}
		if got := netted(p, items, strings.Join(returns, "\n")); got != whole {
			t.Errorf("in %d parts: %s, whole: %s", len(parts), got, whole)
		}
	}
}

func TestRound(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		scale int
		want  [4]string // floor, ceil, half_up, half_even
	}{
		{"1", "3", 0, [4]string{"0", "1", "0", "0"}}, {"1", "2", 0, [4]string{"0", "1", "1", "0"}},
		{"3", "2", 0, [4]string{"1", "2", "2", "2"}}, {"5", "2", 0, [4]string{"2", "3", "3", "2"}},
		{"2", "1", 0, [4]string{"2", "2", "2", "2"}}, {"0.125", "1", 2, [4]string{"0.12", "0.13", "0.13", "0.12"}},
		{"0.135", "1", 2, [4]string{"0.13", "0.14", "0.14", "0.14"}}, {"0.30", "0.10", 0, [4]string{"3", "3", "3", "3"}},
		{"2", "3", 4, [4]string{"0.6666", "0.6667", "0.6667", "0.6667"}},
		{"100000000000000.0001", "3", 4, [4]string{"33333333333333.3333", "33333333333333.3334", "33333333333333.3334",
			"33333333333333.3334"}}, // …33.33336…
	} {
		for i, mode := range []program.Rounding{program.Floor, program.Ceil, program.HalfUp, program.HalfEven} {
			if got := round(fraction(dec(c.a), dec("1"), dec(c.b)), c.scale, mode); !got.Equal(dec(c.want[i])) {
				t.Errorf("%s of %s / %s to %d places: %s, want %s", mode, c.a, c.b, c.scale, got, c.want[i])
			}
		}
	}
}
