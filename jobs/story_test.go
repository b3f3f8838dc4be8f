package jobs

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
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

// storyTies are both sides of every tie of the story, by hand. Forty-two purchases make 3150: 10 + 20 + … + 140 thrice.
var storyTies = []string{
	"deliveries-facts  members: 3 rows, ; 3 rows, ; 0 breaks",
	// The files: c11 of 110 went, c99 of 5 came. The facts: a10 of 100 went, b10 is 101.
	"deliveries-facts  transactions: 42 rows, 3045; 41 rows, 3051; 4 breaks",
	"deliveries-facts  : 0 rows, ; 0 rows, ; 2 breaks", // whole files: members.csv, transactions-2.csv
	"facts-entitlements shop points: 41 rows, 3051; 41 rows, 3051; 0 breaks",
	// The ledger: c08 is 81, c09 of 90 went, x99 of 5 came.
	"entitlements-ledger shop points: 41 rows, 3051; 42 rows, 3066; 5 breaks",
	// The files: a05 is 55, a06 and b06 of 60 went, b07 of 70 is there twice, new of 5 came.
	"ledger-files shop points: 42 rows, 3066; 42 rows, 3110; 9 breaks",
	"ledger-files shop : 0 rows, ; 0 rows, ; 2 breaks", // manifest.json, copy.csv
	"files-acks other : 0 rows, 0; 1 rows, 9; 1 breaks",
	"files-acks shop : 0 rows, 0; 2 rows, 12; 2 breaks",
	// Published are each grant of the files once, and a06, b06 and x99, which only the ledger has: 3110 - 70 + 125. Posted
	// are the 3150 less seven that were not acknowledged (160) and three that were refused (90); a03 1 more, b04 36 and
	// c05 100 less; a04 and b05 once more.
	"files-acks shop points: 44 rows, 3165; 32 rows, 2855; 15 breaks",
}

// The story of forty breaks: none on the clean copy, exactly those that were planted after that, and what is put
// right closes by itself.
func TestStoryOfFortyBreaks(t *testing.T) {
	t.Parallel()
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
	var ties []string
	for _, f := range s.Ties {
		ties = append(ties, fmt.Sprintf("%s %s %s: %d rows, %s; %d rows, %s; %d breaks", f.Tie, f.Program, f.Of, f.LeftRows, f.Left, f.RightRows, f.Right, f.Breaks))
	}
	if diff := cmp.Diff(storyTies, ties); diff != "" {
		t.Errorf("both sides of the ties (-by hand +figures):\n%s", diff)
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
	t.Parallel()
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

// Amounts of breaks have the places of the reward's scale, in the figures of ties, in the list and in the Parquet file;
// money has as many as it needs. A stranger's acknowledgement has those of the rule that its id names.
func TestBreaksShowTheScaleOfTheReward(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "accrue.yaml"), "exports: {ready: folder}\n")
	write(t, filepath.Join(dir, "programs", "p.yaml"), "program: p\nversion: 1\neffective_from: 2026-01-01\ncurrency: EUR\ntime_zone: UTC\n"+
		"rewards:\n  cash: {scale: 2}\n  stars: {scale: 0}\nrules:\n  - {id: back, kind: spend, reward: cash, steps: fractional, earn: 1, per: 10}\n"+
		"  - {id: star, kind: visit, reward: stars, earn: 5}\n")
	purchases := "transaction_id,member_id,occurred_at,amount\nt1,m1,2026-11-20T10:00,50\nt2,m1,2026-11-20T11:00,12.5\nt3,m1,2026-11-20T12:00,3\n"
	exports := filepath.Join(dir, "exports", "date=2026-11-20", "transactions.csv")
	write(t, exports, purchases)
	p := open(t, dir)
	run(t, p, "2026-11-20")
	// t2 is gone from the delivery, t3 is 3.25 there. t1 is acknowledged with another amount, t2 rejected.
	write(t, exports, strings.Replace(strings.Replace(purchases, "t2,m1,2026-11-20T11:00,12.5\n", "", 1), "12:00,3\n", "12:00,3.25\n", 1))
	write(t, filepath.Join(dir, "acks", "a.csv"), "grant_id,status,amount,posted_at,reason\np/back/transaction/t1/1,posted,4.5,2026-11-20T22:00Z,\n"+
		"p/back/transaction/t2/1,rejected,,2026-11-20T22:00Z,\np/back/transaction/t9/1,posted,7,2026-11-20T22:00Z,\n"+
		"p/star/transaction/t1/1,posted,6,2026-11-20T22:00Z,\n")
	s, lines, _ := reconciled(t, p, ReconcileOptions{}, false)
	want := []string{
		"deliveries-facts,amount,transactions t3,3.25,3,0,0-1",
		"deliveries-facts,extra,transactions t2,,12.5,0,0-1",
		"files-acks,amount,p/back/transaction/t1/1,5.00,4.50,0,0-1",
		"files-acks,amount,p/star/transaction/t1/1,5,6,0,0-1",
		"files-acks,extra,p/back/transaction/t9/1,,7.00,0,0-1",
		"files-acks,rejected,p/back/transaction/t2/1,1.25,,0,0-1",
		"files-acks,unacknowledged,p/back/transaction/t3/1,0.30,,0,0-1",
		"files-acks,unacknowledged,p/star/transaction/t2/1,5,,0,0-1",
		"files-acks,unacknowledged,p/star/transaction/t3/1,5,,0,0-1",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("breaks (-by hand +named):\n%s", diff)
	}
	// In the delivery 50 and 3.25 are left, among the facts 50, 12.5 and 3.
	if f := s.Ties[0]; f.LeftRows != 2 || f.Left != "53.25" || f.RightRows != 3 || f.Right != "65.50" {
		t.Errorf("%+v", f)
	}
	rec, err := Reconcile(t.Context(), p, ReconcileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "breaks.parquet")
	if err := errors.Join(rec.WriteParquet(t.Context(), false, out), rec.Close()); err != nil {
		t.Fatal(err)
	}
	read(t, p, func(db *warehouse.DB) {
		if n := number(t, db, "SELECT count(*) FROM read_parquet("+warehouse.Literal(out)+") WHERE expected IN ('5.00', '1.25', '0.30')"); n != 3 {
			t.Errorf("%d amounts with places in the Parquet file", n)
		}
	})
}
