package cases

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"accrue/pipeline"
)

const sample = `# a comment
cases:
  - name: silver, 100 spent
    covers: [S13.1, F4]
    program: |
      program: p
      version: 1
    deliveries:
      2026-11-20:
        transactions: |
          transaction_id,amount
          "t,1",100
      2026-11-21:
        transactions: transaction_id,amount
    expect: |
      member_id,amount
      m1,1.00
      m1,2
    rejects: |
      dataset,row,reason
`

func parsed(t *testing.T, text string) Case {
	t.Helper()
	list, err := Parse("x.yaml", []byte(text))
	if err != nil || len(list) != 1 {
		t.Fatalf("%d cases, %v", len(list), err)
	}
	return list[0]
}

func TestParse(t *testing.T) {
	date := func(s string) pipeline.Date {
		d, err := pipeline.ParseDate(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	c := parsed(t, sample)
	want := Case{
		Name: "silver, 100 spent", File: "x.yaml", Line: 3, Covers: []string{"S13.1", "F4"},
		Programs: []Text{{"program.yaml", "program: p\nversion: 1\n", 6}},
		Deliveries: []Delivery{
			{date("2026-11-20"), []Text{{"transactions", "transaction_id,amount\n\"t,1\",100\n", 11}}},
			{date("2026-11-21"), []Text{{"transactions", "transaction_id,amount", 14}}},
		},
		Run: []pipeline.Date{date("2026-11-21")},
	}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreFields(Case{}, "Expect", "Rejects")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := c.Expect.Rows[1]; got.Line != 18 || got.Cells[1] != "2" {
		t.Errorf("the second expected row: %+v", got)
	}
	if c.Horizon() != date("2026-11-21") {
		t.Errorf("the horizon is %s", c.Horizon())
	}
}

func TestFaultsAllAtOnceWithTheirPlace(t *testing.T) {
	_, err := Parse("x.yaml", []byte(`cases:
  - name: one
    programm: |
      program: p
    deliveries:
      2026-02-30:
        shops: a
  - deliveries: []
    program: x
    expect: |
      member,amount
      m1
    run: 2026-11-20
`))
	want := `x.yaml:2:5: one: there is no program
x.yaml:3:5: unknown key "programm" (did you mean program or programs?)
x.yaml:6:7: "2026-02-30" is not a date of the form YYYY-MM-DD
x.yaml:7:9: "shops" is no dataset: known are transactions, items, returns, activities, members, stores
x.yaml:8:5: the case that begins on line 8 has no name
x.yaml:8:17: here belong keys with values
x.yaml:11:1: unknown column "member": known are program, program_version, member_id, rule, reward, amount, source_type, source_id, earned_at, earned_on
x.yaml:12:1: 1 cells under 2 columns
x.yaml:13:10: here belongs a list`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if _, err := Parse("x.yaml", []byte("cases:\n  - {name: a\n")); err == nil || !strings.HasPrefix(err.Error(), "x.yaml:") {
		t.Errorf("broken YAML: %v", err)
	}
}

func TestDiff(t *testing.T) {
	c := parsed(t, sample)
	right := Outcome{Entitlements: []Record{{"member_id": "m1", "amount": "2", "rule": "a"}, {"member_id": "m1", "amount": "1"}}}
	if got := c.Diff(right); got != "" {
		t.Errorf("the same, in another order: %s", got)
	}
	wrong := Outcome{
		Entitlements: []Record{{"member_id": "m1", "amount": "2"}, {"member_id": "m1", "amount": "2"}},
		Rejects:      []Record{{"dataset": "items", "row": "3", "reason": "bad_row"}},
	}
	want := `x.yaml:17: entitlements: missing      m1,1.00
x.yaml:16: entitlements: not expected m1,2
x.yaml:16: entitlements: the columns are member_id,amount
x.yaml:20: rejects: not expected items,3,bad_row
x.yaml:20: rejects: the columns are dataset,row,reason`
	if got := c.Diff(wrong); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestGrantsAreComparedByDate(t *testing.T) {
	c := parsed(t, sample+"    grants:\n      2026-11-20: |\n        member_id,amount\n        m1,1\n")
	c.Expect = nil
	d := c.Run[0]
	grant := Record{"member_id": "m1", "amount": "1.0"}
	if got := c.Diff(Outcome{}); got != "" {
		t.Errorf("an engine without ledger: %s", got)
	}
	if got := c.Diff(Outcome{Grants: map[pipeline.Date][]Record{d - 1: {grant}}}); got != "" {
		t.Errorf("the right date: %s", got)
	}
	got := c.Diff(Outcome{Grants: map[pipeline.Date][]Record{d: {grant}}})
	if !strings.Contains(got, "x.yaml:24: grants posted on 2026-11-20: missing      m1,1") ||
		!strings.Contains(got, "x.yaml:3: grants posted on 2026-11-21: not expected m1") {
		t.Errorf("the wrong date: %s", got)
	}
}

func TestCompare(t *testing.T) {
	a := Outcome{Entitlements: []Record{{"member_id": "m", "amount": "1.0"}, {"member_id": "n", "amount": "1"}}}
	b := Outcome{Entitlements: []Record{{"member_id": "m", "amount": "1"}, {"member_id": "n", "amount": "2"}}}
	if got := Compare("sql", a, "reference", a); got != "" {
		t.Errorf("the same: %s", got)
	}
	want := `entitlement only by reference: ,,n,,,2,,,,
entitlement only by sql: ,,n,,,1,,,,
entitlement columns: program,program_version,member_id,rule,reward,amount,source_type,source_id,earned_at,earned_on`
	if got := Compare("sql", a, "reference", b); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What Format writes, Parse reads back: also texts that no YAML block can hold.
func TestFormat(t *testing.T) {
	c := parsed(t, sample)
	c.Name = `a "quoted": name #1`
	for _, text := range []string{
		"a,b\n1,2\n", "", "a", "a\n", " a\n", "a \n b\n", "a\n\n", "a\r\nb\r\n", "\ufeffa\n", "a\tb\n", "a\n\nb\n", "- a: {\n# c\n",
		"a\\n\"b\"", "é,\u00a0\n", "a\x01b\n", "'a'\n", "\ta\n",
	} {
		c.Deliveries[1].Files[0].Text = text
		file := Format(c, c)
		list, err := Parse("", []byte(file))
		if err != nil || len(list) != 2 {
			t.Errorf("%q: %v in\n%s", text, err, file)
			continue
		}
		ignore := cmp.Options{cmpopts.IgnoreFields(Case{}, "File", "Line"), cmpopts.IgnoreFields(Text{}, "Line"),
			cmpopts.IgnoreFields(Table{}, "Line"), cmpopts.IgnoreFields(TableRow{}, "Line"), cmpopts.EquateEmpty()}
		if diff := cmp.Diff(c, list[1], ignore); diff != "" {
			t.Errorf("%q: -want +got\n%s\n%s", text, diff, file)
		}
	}
}
