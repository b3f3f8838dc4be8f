package jobs

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/warehouse"
)

// storyDates are the nights of fixtures/story.
var storyDates = []string{"2026-10-01", "2026-11-15", "2026-11-20"}

// story runs the nights of fixtures/story and has downstream acknowledge every grant.
func story(t *testing.T) *Project {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../fixtures/story")); err != nil {
		t.Fatal(err)
	}
	p := open(t, dir)
	run(t, p, storyDates...)
	for _, date := range storyDates {
		text, err := os.ReadFile(filepath.Join(dir, "grants", "shop", "date="+date, "seq=001", "grants.csv"))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil || len(rows) != 15 {
			t.Fatalf("%d rows of %s, %v", len(rows), date, err)
		}
		acks := "grant_id,status,amount,posted_at,reason\n"
		for _, r := range rows[1:] {
			acks += r[0] + ",posted," + r[6] + "," + date + "T22:00:00Z,\n"
		}
		write(t, filepath.Join(dir, "acks", date+".csv"), acks)
	}
	return p
}

// plant does what a script of the story says.
func plant(t *testing.T, p *Project, script string) {
	t.Helper()
	text, err := os.ReadFile("../fixtures/story/" + script)
	if err != nil {
		t.Fatal(err)
	}
	var statements []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		verb, rest, _ := strings.Cut(line, " ")
		file, what, ok := strings.Cut(rest, ": ")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case verb == "sql:":
			statements = append(statements, rest)
			continue
		case !ok:
			t.Fatalf("%s: %q is no plant", script, line)
		}
		path := filepath.Join(p.Dir, file)
		old, err := os.ReadFile(path)
		if err != nil && verb != "add" {
			t.Fatal(err)
		}
		edited := edit(string(old), verb, what)
		if edited == string(old) {
			t.Fatalf("%s: %q does nothing", script, line)
		}
		if err := os.WriteFile(path, []byte(edited), 0o644); err != nil { // a time of its own, unlike write
			t.Fatal(err)
		}
	}
	if statements == nil {
		return
	}
	db, err := p.openWarehouse(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if n, err := db.Exec(t.Context(), s); err != nil || n != 1 {
			t.Fatalf("%s: %d rows, %v", s, n, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func edit(text, verb, what string) string {
	switch verb {
	case "add":
		return text + what + "\n"
	case "change":
		from, to, _ := strings.Cut(what, " => ")
		if strings.Count(text, from) != 1 {
			return text
		}
		return strings.Replace(text, from, to, 1)
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		hit := strings.HasPrefix(line, what)
		if !hit || verb == "repeat" {
			out.WriteString(line)
		}
		if hit && verb == "repeat" {
			out.WriteString(line)
		}
	}
	return out.String()
}

// reconciled reconciles and returns the summary and the breaks, as rows of breaks.csv. Digests are told as `*`.
func reconciled(t *testing.T, p *Project, opts ReconcileOptions, closed bool) (ReconcileSummary, []string, []Break) {
	t.Helper()
	rec, err := Reconcile(t.Context(), p, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}()
	var lines []string
	var all []Break
	if err := rec.Breaks(t.Context(), closed, 0, func(b Break) error {
		figure := func(s string) string {
			if len(s) == 64 {
				return "*"
			}
			return s
		}
		all = append(all, b)
		lines = append(lines, strings.Join([]string{b.Tie, b.Type, b.Key, figure(b.Expected), figure(b.Found), strconv.Itoa(b.AgeDays), b.Age}, ","))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return rec.Summary, lines, all
}

func storyBreaks(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("../fixtures/story/breaks.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		out = append(out, s.Text())
	}
	out = out[1:]
	slices.Sort(out)
	if len(out) != 40 {
		t.Fatalf("%d breaks are listed", len(out))
	}
	return out
}

// The story of forty breaks: none on the clean copy, exactly those that were planted after that, and what is put
// right closes by itself.
func TestStoryOfFortyBreaks(t *testing.T) {
	p := story(t)
	if s, lines, _ := reconciled(t, p, ReconcileOptions{}, false); s.Open != 0 || len(lines) != 0 || s.AckRows != 42 {
		t.Fatalf("the clean copy: %+v\n%s", s, strings.Join(lines, "\n"))
	}
	plant(t, p, "plants.txt")
	want := storyBreaks(t)
	s, lines, all := reconciled(t, p, ReconcileOptions{}, false)
	if diff := cmp.Diff(want, lines); diff != "" || s.Open != 40 {
		t.Errorf("%d open; breaks (-planted +named):\n%s", s.Open, diff)
	}
	for _, b := range all {
		if b.What == "" || len(b.Sources) == 0 && b.Tie != "entitlements-ledger" {
			t.Errorf("nothing is said, or no row is named: %+v", b)
		}
	}
	// Looked at again, nothing is new and nothing is lost.
	if s, again, _ := reconciled(t, p, ReconcileOptions{}, true); s.Closed != 0 || !slices.Equal(again, lines) {
		t.Errorf("looked at again, %d closed:\n%s", s.Closed, cmp.Diff(lines, again))
	}
	plant(t, p, "late.txt")
	asOf := day(t, "2026-11-22")
	s, _, all = reconciled(t, p, ReconcileOptions{AsOf: &asOf}, true)
	if s.Open != 37 || s.Closed != 3 || len(all) != 40 {
		t.Errorf("after the late ones %d are open and %d closed of %d", s.Open, s.Closed, len(all))
	}
	var closed []string
	for _, b := range all {
		if b.ClosedOn != "" {
			closed = append(closed, b.Key+" "+b.FoundOn+" "+b.ClosedOn)
		}
	}
	wantClosed := []string{"shop/base/transaction/c04/1 2026-11-20 2026-11-22", "shop/base/transaction/c05/1 2026-11-20 2026-11-22",
		"shop/base/transaction/c06/1 2026-11-20 2026-11-22"}
	if !slices.Equal(closed, wantClosed) {
		t.Errorf("closed are %q", closed)
	}
}

// A period and a program look at their own and leave the others as they are.
func TestReconcilePeriods(t *testing.T) {
	p := story(t)
	plant(t, p, "plants.txt")
	if s, _, _ := reconciled(t, p, ReconcileOptions{}, false); s.Open != 40 {
		t.Fatalf("%d open", s.Open)
	}
	from, to := day(t, "2026-11-01"), day(t, "2026-11-19")
	s, lines, _ := reconciled(t, p, ReconcileOptions{From: &from, To: &to}, false)
	var want []string
	for _, line := range storyBreaks(t) {
		if days := strings.Split(line, ",")[5]; days != "50" && days != "0" {
			want = append(want, line)
		}
	}
	if diff := cmp.Diff(want, lines); diff != "" || s.Closed != 0 {
		t.Errorf("%d closed; breaks between the dates (-planted +named):\n%s", s.Closed, diff)
	}
	read(t, p, func(db *warehouse.DB) {
		if n := number(t, db, "SELECT count(*) FROM breaks WHERE closed_on IS NULL"); n != 40 {
			t.Errorf("%d are open in the history", n)
		}
	})
	if _, err := Reconcile(t.Context(), p, ReconcileOptions{Program: "shoe"}); err == nil || Classify(err) != Refused {
		t.Errorf("an unknown program gives %v", err)
	}
}
