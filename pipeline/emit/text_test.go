package emit

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"accrue/pipeline"
)

func TestTextsOfDatesAndInstants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := pipeline.Date(rapid.Int32Range(int32(pipeline.MinDate), int32(pipeline.MaxDate)).Draw(t, "date"))
		text := string(appendDate(nil, d))
		if text != d.String() {
			t.Fatalf("%d is written %s, want %s", d, text, d)
		}
		if back, err := parseDate(text); err != nil || back != d {
			t.Fatalf("%s is read as %d (%v), want %d", text, back, err, d)
		}
		us := rapid.Int64Range(firstInstant, lastInstant).Draw(t, "instant")
		if rapid.Bool().Draw(t, "whole seconds") {
			us -= us % microsPerSecond
		}
		at := time.UnixMicro(us).UTC()
		want := at.Format("2006-01-02T15:04:05Z")
		if us%microsPerSecond != 0 {
			want = at.Format("2006-01-02T15:04:05.000000Z")
		}
		if got := string(appendInstant(nil, us)); got != want {
			t.Fatalf("%d is written %s, want %s", us, got, want)
		}
		if back, err := parseInstant(want); err != nil || back != us {
			t.Fatalf("%s is read as %d (%v), want %d", want, back, err, us)
		}
	})
}

func TestTextsOfAmounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := pipeline.Amount(rapid.Int64Range(-int64(pipeline.MaxAmount), int64(pipeline.MaxAmount)).Draw(t, "amount"))
		places := rapid.IntRange(0, 4).Draw(t, "places")
		a -= a % units[places]
		text := string(appendAmount(nil, a, places))
		if text != a.Format(places) {
			t.Fatalf("%d is written %s, want %s", a, text, a.Format(places))
		}
		if back, err := parseAmount(text); err != nil || back != a {
			t.Fatalf("%s is read as %d (%v), want %d", text, back, err, a)
		}
	})
}

func TestTextsThatAreNone(t *testing.T) {
	for _, s := range []string{"", "2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-1-01", "20260101", "2026-01-01T", "202a-01-01", "-026-01-01"} {
		if d, err := parseDate(s); err == nil {
			t.Errorf("%q is read as the date %s", s, d)
		}
	}
	for _, s := range []string{"", "2026-01-01T00:00:00", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
		"2026-01-01 00:00:00Z", "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00,000001Z", "2026-02-30T00:00:00Z"} {
		if us, err := parseInstant(s); err == nil {
			t.Errorf("%q is read as the instant %d", s, us)
		}
	}
	for _, s := range []string{"", "-", "1.", ".5", "1e2", "1_0", "+1", "1.23456", "1.2.3", "--1", "1234567890123456", " 1", "1,5", "1.-5"} {
		if a, err := parseAmount(s); err == nil {
			t.Errorf("%q is read as the amount %s", s, a)
		}
	}
	for _, s := range []string{"", "-", "1.0", "9223372036854775808", "1a", "--1"} {
		if n, err := parseWhole(s); err == nil {
			t.Errorf("%q is read as the number %d", s, n)
		}
	}
	for s, want := range map[string]int64{"0": 0, "-12": -12, "9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63} {
		if n, err := parseWhole(s); err != nil || n != want {
			t.Errorf("%q is read as %d (%v)", s, n, err)
		}
	}
}

var anyText = rapid.OneOf(rapid.StringMatching(`[a-z0-9]{1,8}`), rapid.StringOfN(rapid.SampledFrom([]rune("a,\"\n\r/% '\\\t\x01é☕{}[]:;-.")), 1, 12, -1))

func drawGrants(t *rapid.T) []pipeline.Grant {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pipeline.Grant {
		g := pipeline.Grant{
			Program: "p", ProgramVersion: rapid.Int32Range(1, 3).Draw(t, "version"), MemberID: anyText.Draw(t, "member"),
			Rule: anyText.Draw(t, "rule"), Reward: "points", Amount: pipeline.Amount(rapid.Int64Range(1, 1e15).Draw(t, "amount")),
			Kind: "accrual", SourceType: "transaction", SourceID: anyText.Draw(t, "source"),
			EarnedUS: rapid.Int64Range(-1e15, 2e15).Draw(t, "us"), EarnedOn: 20000, PostedOn: 20001, AvailableOn: 20002,
			Reason: rapid.SampledFrom([]string{"", "late"}).Draw(t, "reason"),
		}
		if g.Expires = rapid.Bool().Draw(t, "expires"); g.Expires {
			g.ExpiresOn = 21000
		}
		g.GrantID = string(appendGrantID(nil, &g, 1))
		return g
	}), 0, 20).Draw(t, "grants")
}

// What the text forms hold is what went in, for any ids, and others read the same.
func TestTextFormsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grants := drawGrants(t)
		csvText, jsonText := []byte(csvHeader), []byte{}
		for i := range grants {
			csvText = appendCSV(csvText, &grants[i], 4)
			jsonText = appendNDJSON(jsonText, &grants[i], 4)
		}
		for name, text := range map[Format]string{CSV: string(csvText), NDJSON: string(jsonText)} {
			var r io.Reader = strings.NewReader(text)
			if rapid.Bool().Draw(t, "byte by byte") {
				r = iotest.OneByteReader(r)
			}
			var back []pipeline.Grant
			for g, err := range rowsOf(name, "", r) {
				if err != nil {
					t.Fatalf("%s: %v in\n%s", name, err, text)
				}
				back = append(back, *g)
			}
			if d := cmp.Diff(grants, back); len(grants) > 0 && d != "" {
				t.Fatalf("%s: want (-) and read (+):\n%s", name, d)
			}
		}
		// encoding/csv takes \r\n inside quotes for \n, so it is asked only where there is none.
		if !strings.Contains(string(csvText), "\r") {
			records, err := csv.NewReader(strings.NewReader(string(csvText))).ReadAll()
			if err != nil || len(records) != len(grants)+1 {
				t.Fatalf("encoding/csv reads %d records (%v)", len(records), err)
			}
			for i, g := range grants {
				if r := records[i+1]; r[3] != g.MemberID || r[9] != g.SourceID || r[0] != g.GrantID {
					t.Fatalf("encoding/csv reads %q", r)
				}
			}
		}
		d := json.NewDecoder(strings.NewReader(string(jsonText)))
		for _, g := range grants {
			var o struct {
				MemberID string      `json:"member_id"`
				Amount   json.Number `json:"amount"`
				Expires  *string     `json:"expires_on"`
			}
			d.UseNumber()
			if err := d.Decode(&o); err != nil || o.MemberID != g.MemberID || o.Amount.String() != g.Amount.Format(4) || (o.Expires != nil) != g.Expires {
				t.Fatalf("encoding/json reads %+v (%v), want %+v", o, err, g)
			}
		}
	})
}

func TestCSVFilesOfAnotherForm(t *testing.T) {
	line := "p/b/transaction/t/1,p,1,m,b,points,5,accrual,transaction,t,2026-11-20T00:00:00Z,2026-11-20,2026-11-20,2026-12-04,,\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty":                {"", "line 1: the file ends inside a record"},
		"no header":            {line, "line 1: the header is not the contract's"},
		"another header":       {strings.Replace(csvHeader, "rule", "rules", 1) + line, "line 1: the header is not the contract's"},
		"half a header":        {csvHeader[:20], "line 1: the header is not the contract's"},
		"BOM":                  {"\ufeff" + csvHeader, "line 1: the header is not the contract's"},
		"no line end":          {csvHeader + line + line[:len(line)-1], "line 3: the file ends inside a record"},
		"half a line":          {csvHeader + line + line[:40], "line 3: the file ends inside a record"},
		"CRLF":                 {csvHeader + strings.TrimSpace(line) + "\r\n", "line 2: column reason: a '\\r' outside quotes"},
		"a cell too few":       {csvHeader + strings.Replace(line, ",,\n", ",\n", 1), "line 2: the record does not have 16 cells"},
		"a cell too many":      {csvHeader + strings.Replace(line, ",,\n", ",,,\n", 1), "line 2: the record does not have 16 cells"},
		"a blank line":         {csvHeader + line + "\n", "line 3: the record does not have 16 cells"},
		"a quote inside":       {csvHeader + strings.Replace(line, ",m,", `,m",`, 1), `line 2: column member_id: a '"' outside quotes`},
		"needless quotes":      {csvHeader + strings.Replace(line, ",m,", `,"m",`, 1), "line 2: column member_id: quotes that are not needed"},
		"after the quote":      {csvHeader + strings.Replace(line, ",m,", `,"m,"x,`, 1), "line 2: column member_id: a 'x' after the closing quote"},
		"an unclosed quote":    {csvHeader + strings.Replace(line, ",m,", `,"m,`, 1), "line 2: the file ends inside a record"},
		"no member":            {csvHeader + strings.Replace(line, ",m,", ",,", 1), "line 2: column member_id: empty, and every grant has one"},
		"no available_on":      {csvHeader + strings.Replace(line, "2026-12-04", "", 1), "line 2: column available_on: empty, and every grant has one"},
		"a float":              {csvHeader + strings.Replace(line, ",5,", ",5e0,", 1), `line 2: column amount: "5e0" is not a decimal of at most four places`},
		"a day of no month":    {csvHeader + strings.Replace(line, "2026-12-04", "2026-02-30", 1), `line 2: column available_on: "2026-02-30" is not a date of the form YYYY-MM-DD`},
		"a version too large":  {csvHeader + strings.Replace(line, ",1,m", ",4294967297,m", 1), `line 2: column program_version: "4294967297" is not a whole number`},
		"lines after a quoted": {csvHeader + strings.Replace(line, ",m,", ",\"m\n\",", 1) + "x\n", "line 4: the record does not have 16 cells"},
	} {
		var got error
		for _, err := range readCSV(strings.NewReader(c.text)) {
			got = err
		}
		if got == nil || !strings.HasPrefix(got.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
		}
	}
}

func TestNDJSONFilesOfAnotherForm(t *testing.T) {
	line, _, _ := strings.Cut(wantNDJSON, "\n")
	line += "\n"
	for name, c := range map[string]struct{ text, want string }{
		"a blank line":       {line + "\n", "line 2: not a JSON object"},
		"an array":           {"[]\n", "line 1: not a JSON object"},
		"half a line":        {line + line[:30], "line 2: the file ends inside a record"},
		"two objects":        {strings.TrimSpace(line) + line, "line 1: the object should end after column reason"},
		"another order":      {strings.Replace(line, `"rule"`, `"reward"`, 1), `line 1: the key "rule" is not where it belongs`},
		"a blank":            {strings.Replace(line, `,"rule"`, `, "rule"`, 1), `line 1: the key "rule" is not where it belongs`},
		"a semicolon":        {strings.Replace(line, `,"rule"`, `;"rule"`, 1), "line 1: no comma after column member_id"},
		"one key too many":   {strings.Replace(line, `"}`, `","x":1}`, 1), "line 1: the object should end after column reason"},
		"one key too few":    {strings.Replace(line, `,"reason":"corrected"`, ``, 1), "line 1: no comma after column expires_on"},
		"no end":             {strings.Replace(line, `}`, ``, 1), "line 1: the object should end after column reason"},
		"amount as a text":   {strings.Replace(line, `"amount":2`, `"amount":"2"`, 1), "line 1: column amount: of the wrong type"},
		"amount as a float":  {strings.Replace(line, `"amount":2`, `"amount":2e0`, 1), `line 1: column amount: "2e0" is not a decimal of at most four places`},
		"member as a number": {strings.Replace(line, `"m,1"`, `1`, 1), "line 1: column member_id: of the wrong type"},
		"no member":          {strings.Replace(line, `"m,1"`, `null`, 1), "line 1: column member_id: null, and every grant has one"},
		"an empty member":    {strings.Replace(line, `"m,1"`, `""`, 1), "line 1: column member_id: empty, and every grant has one"},
		"expires_on empty":   {strings.Replace(line, `"2027-11-20"`, `""`, 1), `line 1: column expires_on: "" is not a date of the form YYYY-MM-DD`},
		"an unknown escape":  {strings.Replace(line, `"m,1"`, `"m\q1"`, 1), "line 1: column member_id: invalid character 'q'"},
		"a control":          {strings.Replace(line, `"m,1"`, "\"m\t1\"", 1), "line 1: column member_id: a control character that is not escaped"},
		"a byte of no text":  {strings.Replace(line, `"m,1"`, "\"m\xff1\"", 1), "line 1: column member_id: not UTF-8"},
		"an open text":       {line[:20] + "\n", "line 1: column grant_id: a string without end"},
	} {
		var got error
		for _, err := range readNDJSON(strings.NewReader(c.text)) {
			got = err
		}
		if got == nil || !strings.HasPrefix(got.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
		}
	}
}

func TestErrorsOfReadingAreTold(t *testing.T) {
	for _, format := range []Format{CSV, NDJSON} {
		text := map[Format]string{CSV: wantCSV, NDJSON: wantNDJSON}[format]
		r := newDigester(io.MultiReader(strings.NewReader(text[:700]), iotest.ErrReader(io.ErrClosedPipe)))
		var got error
		for _, err := range rowsOf(format, "", r) {
			got = err
		}
		if _, _, err := r.finish(); err != io.ErrClosedPipe || got == nil {
			t.Errorf("%s: got %v and %v, want the reader's error", format, got, err)
		}
	}
}

func TestCheckerHoldsGrantsAgainstThemselves(t *testing.T) {
	good := pipeline.Grant{Program: "p", ProgramVersion: 1, MemberID: "m", Rule: "b", Reward: "points", Amount: 50_000, Kind: "accrual",
		SourceType: "transaction", SourceID: "t", PostedOn: mustDate(day), GrantID: "p/b/transaction/t/1"}
	check := newChecker("p", mustDate(day), nil)
	if err := check.add(&good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*pipeline.Grant)
		want   string
	}{
		"another program":     {func(g *pipeline.Grant) { g.Program = "q" }, "of program q in a file of program p"},
		"another date":        {func(g *pipeline.Grant) { g.PostedOn++ }, "posted on 2026-11-21 in a file of 2026-11-20"},
		"no member":           {func(g *pipeline.Grant) { g.MemberID = "" }, "a member, rule, reward or source is empty"},
		"another source type": {func(g *pipeline.Grant) { g.SourceType = "x" }, `no source type is called "x"`},
		"another kind":        {func(g *pipeline.Grant) { g.Kind = "x" }, `no kind is called "x"`},
		"a negative accrual":  {func(g *pipeline.Grant) { g.Amount = -1 }, "accrual of -0.0001"},
		"a zero accrual":      {func(g *pipeline.Grant) { g.Amount = 0 }, "accrual of 0"},
		"a positive reversal": {func(g *pipeline.Grant) { g.Kind = "reversal" }, "reversal of 5"},
		"another id":          {func(g *pipeline.Grant) { g.SourceID = "u" }, "the id does not fit the columns that it is made of"},
		"no number":           {func(g *pipeline.Grant) { g.GrantID = "p/b/transaction/t/0" }, "the id does not fit"},
		"a number with zeros": {func(g *pipeline.Grant) { g.GrantID = "p/b/transaction/t/01" }, "the id does not fit"},
		"twice":               {func(*pipeline.Grant) {}, "stands after p/b/transaction/t/1, and belongs before it or twice"},
		"an earlier member":   {func(g *pipeline.Grant) { g.MemberID = "a" }, "stands after p/b/transaction/t/1"},
		"an earlier instant":  {func(g *pipeline.Grant) { g.EarnedUS = -1 }, "stands after p/b/transaction/t/1"},
		"more places":         {func(g *pipeline.Grant) { g.Amount, g.EarnedUS = 50_001, 1 }, "amount 5.0001: more decimal places"},
	} {
		g := good
		c.change(&g)
		if err := check.add(&g); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	if got := check.sums(); got.Rows != 1 || got.Sums[0].Amount.String() != "5" {
		t.Errorf("what was refused was counted: %+v", got)
	}
}

func TestGrantIDsAreThePipelines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := pipeline.Grant{Program: "p", Rule: anyText.Draw(t, "rule"), SourceType: "activity", SourceID: anyText.Draw(t, "source")}
		n := rapid.IntRange(1, 1000).Draw(t, "n")
		want := pipeline.GrantID(g.Program, g.Rule, pipeline.SourceActivity, g.SourceID, n)
		if got := string(appendGrantID(nil, &g, int64(n))); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}
