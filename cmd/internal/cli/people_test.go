package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata"
)

// hostileTexts are texts that a spreadsheet or a terminal would run or obey, all different.
func hostileTexts(n int) []string {
	r := rand.New(rand.NewPCG(10, 4))
	before := []string{"", " ", "\t", "\r", "\n", "\"", "'", "\u00a0", "a;", ";", "“", "\\", "\u202e", "\x1b[2J"}
	signs := []string{"=", "+", "-", "@", "＝"}
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		for range r.IntN(3) {
			b.WriteString(before[r.IntN(len(before))])
		}
		fmt.Fprintf(&b, "%scmd|'/C calc'!A%d", signs[r.IntN(len(signs))], i)
		out[i] = b.String()
	}
	return out
}

func csvField(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// liveCell says why a spreadsheet would run a cell, by looks of its own.
var liveCell = regexp.MustCompile("(^|;)[\\s\u00a0\"`´\\\\“”\u202e]*[=+@＝＋－＠-]")
var plainNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

func readAll(t *testing.T, path string) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsAny(text, "\x00\x1b\t\r") {
		t.Errorf("%s holds control characters", path)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if liveCell.MatchString(cell) && !plainNumber.MatchString(cell) {
				t.Fatalf("%s: live: %q", path, cell)
			}
		}
	}
	return rows
}

func accrue(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := Run(args, strings.NewReader(""), &out, &errs); code != want {
		t.Fatalf("accrue %s: exit code %d\n%s%s", strings.Join(args, " "), code, out.String(), errs.String())
	}
	return out.String()
}

// hostileProject has purchases whose ids and members are hostile, and as many rejected rows.
func hostileProject(t *testing.T, texts []string) string {
	t.Helper()
	dir := t.TempDir()
	var good strings.Builder
	good.WriteString("transaction_id,member_id,occurred_at,amount,channel\n")
	for i, text := range texts {
		amount := "1"
		if i%2 == 1 {
			amount = text // rejected
		}
		fmt.Fprintf(&good, "%s,%s,2026-11-20T10:00,%s,%s\n", csvField(text), csvField(text), csvField(amount), csvField(text))
	}
	fmt.Fprintf(&good, "\"=\x00\",m,2026-11-20T10:00,1,\n")
	for name, text := range map[string]string{
		"accrue.yaml": "exports: {ready: folder}\nmax_rejects: 100 %\n",
		"programs/p.yaml": "program: p\nversion: 1\neffective_from: 2026-01-01\ncurrency: EUR\ntime_zone: UTC\nname: \"<script>alert(1)</script>\"\n" +
			"rules:\n  - {id: base, kind: spend, earn: 1, per: 1}\n",
		"exports/date=2026-11-20/transactions.csv": good.String(),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	accrue(t, exitDone, "--project", dir, "run", "--date", "2026-11-20")
	return dir
}

// Ten thousand hostile cells: none is live in files for people, none reaches a terminal, and machines get ids as they
// were sent.
func TestHostileCellsInFilesForPeople(t *testing.T) {
	texts := hostileTexts(10_000)
	dir := hostileProject(t, texts)
	breaks := filepath.Join(dir, "breaks.csv")
	shown := accrue(t, exitFindings, "--project", dir, "reconcile", "--out", breaks, "--limit", "0")
	if rows := readAll(t, breaks); len(rows) != 5001 {
		t.Errorf("%d rows of breaks", len(rows)-1)
	}
	if rows := readAll(t, filepath.Join(dir, "rejects", "date=2026-11-20", "rejects.csv")); len(rows) != 5002 {
		t.Errorf("%d rejected rows", len(rows)-1)
	}
	roll := filepath.Join(dir, "roll.csv")
	shown += accrue(t, exitDone, "--project", dir, "reconcile", "--roll-forward", "--by", "channel", "--out", roll)
	if rows := readAll(t, roll); len(rows) != 5001 {
		t.Errorf("%d rows of the roll-forward", len(rows)-1)
	}
	if i := strings.IndexFunc(shown, func(r rune) bool { return r < ' ' && r != '\n' || r == '\u202e' }); i >= 0 {
		t.Errorf("a terminal would obey %q", shown[i:min(len(shown), i+20)])
	}
	// Machines: the published file, and JSON.
	f, err := os.Open(filepath.Join(dir, "grants", "p", "date=2026-11-20", "seq=001", "grants.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var want, published, listed []string
	for i := 0; i < len(texts); i += 2 {
		want = append(want, texts[i])
	}
	r := csv.NewReader(f)
	for {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if row[0] != "grant_id" {
			published = append(published, row[9])
		}
	}
	var grants []struct {
		SourceID string `json:"source_id"`
	}
	if err := json.Unmarshal([]byte(accrue(t, exitDone, "--project", dir, "grants", "--json")), &grants); err != nil {
		t.Fatal(err)
	}
	for _, g := range grants {
		listed = append(listed, g.SourceID)
	}
	slices.Sort(want)
	slices.Sort(listed)
	// encoding/csv reads \r\n inside quotes as \n.
	same := func(a, b []string) bool {
		return slices.EqualFunc(a, b, func(x, y string) bool { return x == y || strings.ReplaceAll(x, "\r\n", "\n") == y })
	}
	slices.Sort(published)
	sorted := slices.Clone(want)
	for i, s := range sorted {
		sorted[i] = strings.ReplaceAll(s, "\r\n", "\n")
	}
	slices.Sort(sorted)
	if !same(sorted, published) {
		t.Errorf("the published file has other ids")
	}
	if !slices.Equal(want, listed) {
		t.Errorf("JSON has other ids")
	}
}

// The page holds the figures of --json, runs nothing that a sender wrote, asks for nothing, and is small.
func TestReportPage(t *testing.T) {
	dir := hostileProject(t, hostileTexts(600))
	accrue(t, exitFindings, "--project", dir, "reconcile", "--json")
	page := filepath.Join(dir, "report.html")
	accrue(t, exitDone, "--project", dir, "report", "--rate", "points=0.25", "--out", page)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	html := string(text)
	for _, want := range []string{"<dt>Grants posted</dt><dd>300</dd>", "<dt>Rows read</dt><dd>601</dd>", `<dt>Rows rejected</dt><dd class="bad">301</dd>`,
		`<dt>Open breaks</dt><dd class="bad">300</dd>`, `<td class="n">75 EUR</td>`, "&lt;script&gt;alert(1)", "The first 200 of 300", "bad_number",
		"100 of 300, those that added or took back most; accrue reconcile --roll-forward --by channel has them all."} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not say %s", want)
		}
	}
	for _, never := range []string{"<script", "http:", "https:", "\x1b", "\u202e", "@import", "url("} {
		if strings.Contains(html, never) {
			t.Errorf("the page holds %q", never)
		}
	}
	if len(text) > 3<<20 {
		t.Errorf("the page has %d bytes", len(text))
	}
	if !json.Valid([]byte(accrue(t, exitDone, "--project", dir, "report", "--json"))) {
		t.Error("--json is no JSON")
	}
	for code, args := range map[int][]string{
		exitUsage: {"report"}, exitFailed: {"report", "--out", filepath.Join(dir, "no", "such", "folder.html")},
	} {
		accrue(t, code, append([]string{"--project", dir}, args...)...)
	}
	accrue(t, exitUsage, "--project", dir, "report", "--from", "2026-11-21", "--to", "2026-11-20", "--out", page)
	accrue(t, exitUsage, "--project", dir, "reconcile", "--out", "breaks.xls")
	accrue(t, exitUsage, "--project", dir, "reconcile", "--rate", "points=1")
	accrue(t, exitDone, "--project", dir, "report", "--from", "2026-01-01", "--to", "2026-01-02", "--out", page)
}
