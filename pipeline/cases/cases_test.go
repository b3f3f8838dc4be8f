package cases

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/yamlpos"
)

const sample = `# a comment
cases:
  - name: silver, 100 spent
    covers: [S13.1, F4]
    program: |
      program: p
      version: 1
      effective_from: 2026-01-01
      rules: [{id: a, kind: visit, earn: 1}]
    deliveries:
      2026-11-20:
        transactions: |
          transaction_id,occurred_at,amount
          "t,1",2026-11-20T10:00,100
      2026-11-21:
        transactions: transaction_id,occurred_at,amount
    expect: |
      member_id,amount
      m1,1.00
      m1,2
    rejects: |
      dataset,row,reason
`

const sampleProgram = "program: p\nversion: 1\neffective_from: 2026-01-01\nrules: [{id: a, kind: visit, earn: 1}]\n"

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
		Programs: []Text{{"program.yaml", sampleProgram, 6}},
		Deliveries: []Delivery{
			{date("2026-11-20"), []Text{{"transactions", "transaction_id,occurred_at,amount\n\"t,1\",2026-11-20T10:00,100\n", 13}}},
			{date("2026-11-21"), []Text{{"transactions", "transaction_id,occurred_at,amount", 16}}},
		},
		Run: []pipeline.Date{date("2026-11-21")},
	}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreFields(Case{}, "Expect", "Rejects")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := c.Expect.Rows[1]; got.Line != 20 || got.Cells[1] != "2" {
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
  - name: two
    program: |
      program: p
      version: 1
      effective_from: 2026-01-01

      rules: [{id: base, kind: visits, earn: 1}]
    deliveries:
      2026-11-20:
        transactions: |

          transaction_id,occurredat,ämount
        items: |
          transaction_id,"line
        activities: |
          a,é,a
  - name: two
    program: |
      program: p
      version: 1
      effective_from: 2026-01-01
      rules: [{id: base, kind: visit, earn: 1}]
    deliveries:
      2026-11-20:
        transactions: "transaction_id,occurred_at"
    run: []
    expect: |
      rule,source_id,amount
      bsae,"ö,",1
      base,t,a lot
    grants:
      2026-11-20: |
        reward,n
    rejects:
      dataset: items
`))
	want := `x.yaml:2:5: one: nothing is expected
  2 |   - name: one
    |     ^
  hint: for no grants at all, write expect with a header alone

x.yaml:2:5: one: there is no program
  2 |   - name: one
    |     ^
  hint: write program: | and the program below it, or run the cases of a project

x.yaml:3:5: one: unknown key "programm"
  3 |     programm: |
    |     ^
  hint: did you mean "program"?

x.yaml:6:7: one: "2026-02-30" is not a date
  6 |       2026-02-30:
    |       ^
  hint: write YYYY-MM-DD, a day that exists

x.yaml:7:9: one: "shops" is no dataset
  7 |         shops: a
    |         ^
  hint: known here: transactions, items, returns, activities, members, stores

x.yaml:8:5: name is missing
  8 |   - deliveries: []
    |     ^
  hint: say in a few words what is special about the case

x.yaml:8:17: deliveries must be a mapping, not a list
  8 |   - deliveries: []
    |                 ^
  hint: write 2026-11-20: and below it the files, transactions: | and rows of CSV

x.yaml:9:14: there is no project whose program "x" could be
  9 |     program: x
    |              ^
  hint: write program: | and the program below it, or run the cases of a project

x.yaml:11:7: unknown column "member"
  11 |       member,amount
     |       ^
  hint: did you mean "member_id"?

x.yaml:12:7: 1 cell under 2 columns
  12 |       m1
     |       ^
  hint: write a comma for every cell that is empty

x.yaml:13:10: run must be a list, not "2026-11-20"
  13 |     run: 2026-11-20
     |          ^
  hint: write a list: [2026-11-20]

x.yaml:14:5: two: nothing is expected
  14 |   - name: two
     |     ^
  hint: for no grants at all, write expect with a header alone

x.yaml:20:32: two: base: unknown kind "visits"
  20 |       rules: [{id: base, kind: visits, earn: 1}]
     |                                ^
  hint: did you mean "visit"?

x.yaml:25:11: two: the column amount is missing
  25 |           transaction_id,occurredat,ämount
     |           ^
  hint: the first line names the columns

x.yaml:25:11: two: the column occurred_at is missing
  25 |           transaction_id,occurredat,ämount
     |           ^
  hint: the first line names the columns

x.yaml:25:26: two: transactions have no column "occurredat"
  25 |           transaction_id,occurredat,ämount
     |                          ^
  hint: did you mean "occurred_at"?

x.yaml:25:37: two: transactions have no column "ämount"
  25 |           transaction_id,occurredat,ämount
     |                                     ^
  hint: did you mean "amount"?

x.yaml:27:11: two: a quote that does not close where the cell ends
  27 |           transaction_id,"line
     |           ^
  hint: write CSV: a header, then a line for each row

x.yaml:29:15: two: the column "a" comes twice
  29 |           a,é,a
     |               ^
  hint: write CSV: a header, then a line for each row

x.yaml:30:11: the case on line 14 has the same name
  30 |   - name: two
     |           ^
  hint: give each case a name of its own

x.yaml:38:23: two: the column amount is missing
  38 |         transactions: "transaction_id,occurred_at"
     |                       ^
  hint: the first line names the columns

x.yaml:39:10: two: run is an empty list
  39 |     run: []
     |          ^
  hint: leave it out for one run on the latest delivery's date

x.yaml:42:7: two: no program has the rule "bsae"
  42 |       bsae,"ö,",1
     |       ^
  hint: did you mean "base"?

x.yaml:43:14: two: amount must be a number, not "a lot"
  43 |       base,t,a lot
     |              ^
  hint: write digits, and a point before decimal places: 12.50

x.yaml:46:16: two: unknown column "n"
  46 |         reward,n
     |                ^
  hint: known here: grant_id, program, program_version, member_id, rule, reward, amount, kind, source_type, source_id, earned_at, earned_on, posted_on, available_on, expires_on, reason

x.yaml:48:7: two: rejects must be a text, not a mapping
  48 |       dataset: items
     |       ^
  hint: write | and the lines below it, indented
`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if _, err := Parse("x.yaml", []byte("")); err == nil || !strings.HasPrefix(err.Error(), "x.yaml:1:1: the file is empty") {
		t.Errorf("an empty file: %v", err)
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
	want := `x.yaml:19: entitlements: missing      m1,1.00
x.yaml:18: entitlements: not expected m1,2
x.yaml:18: entitlements: the columns are member_id,amount
x.yaml:22: rejects: not expected items,3,bad_row
x.yaml:22: rejects: the columns are dataset,row,reason`
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
	if !strings.Contains(got, "x.yaml:26: grants posted on 2026-11-20: missing      m1,1") ||
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
	want := `entitlement only by sql: ,,n,,,1,,,,
entitlement only by reference: ,,n,,,2,,,,
entitlement columns: program,program_version,member_id,rule,reward,amount,source_type,source_id,earned_at,earned_on`
	if got := Compare("sql", a, "reference", b); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What Format writes, Parse reads back.
func TestFormat(t *testing.T) {
	c := parsed(t, sample)
	c.Name = `a "quoted": name #1`
	file := Format(c)
	list, err := Parse("", []byte(file))
	if err != nil || len(list) != 1 {
		t.Fatalf("%v in\n%s", err, file)
	}
	ignore := cmp.Options{cmpopts.IgnoreFields(Case{}, "File", "Line"), cmpopts.IgnoreFields(Text{}, "Line"),
		cmpopts.IgnoreFields(Table{}, "Line", "HeaderLine"), cmpopts.IgnoreFields(TableRow{}, "Line")}
	if diff := cmp.Diff(c, list[0], ignore); diff != "" {
		t.Errorf("-want +got\n%s\n%s", diff, file)
	}
	named := Case{Name: "n", Families: []*program.Family{{ID: "jcb"}, {ID: "spa"}}}
	if got := Format(named); !strings.Contains(got, "    programs: [jcb, spa]\n") {
		t.Errorf("programs of a project: %s", got)
	}
}

// Texts that no YAML block can hold are written between quotes.
func TestFormatTexts(t *testing.T) {
	for _, text := range []string{
		"a,b\n1,2\n", "", "a", "a\n", " a\n", "a \n b\n", "a\n\n", "a\r\nb\r\n", "\ufeffa\n", "a\tb\n", "a\n\nb\n", "- a: {\n# c\n",
		"a\\n\"b\"", "é,\u00a0\n", "a\x01b\n", "'a'\n", "\ta\n",
	} {
		var b strings.Builder
		b.WriteString("list:\n  - a: 1\n")
		writeText(&b, 4, "key", text)
		b.WriteString("    z: 1\n")
		doc, faults := yamlpos.Parse("", []byte(b.String()))
		if len(faults) > 0 {
			t.Errorf("%q: %v", text, faults)
			continue
		}
		if n := doc.Root.Get("list").Items[0]; n.Get("key").Text != text || n.Get("z") == nil {
			t.Errorf("%q is read back as %q", text, n.Get("key").Text)
		}
	}
}
