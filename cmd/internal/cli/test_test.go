package cli

import (
	"bytes"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"accrue/jobs"
	"accrue/pipeline/cases"
)

// tested are results of every form: passed, different, not to be run, engines that differ with each other.
func tested() []jobs.CaseResult {
	answers := func(a, b jobs.CaseAnswer) []jobs.CaseAnswer {
		a.Engine, b.Engine = jobs.EnginePasses, jobs.EngineReference
		return []jobs.CaseAnswer{a, b}
	}
	expect := cases.Difference{What: "entitlements", Line: 9, Columns: []string{"member_id", "amount"}, Rows: []cases.RowDifference{
		{Line: 11, Want: []string{"m2", "3"}},
		{Line: 12, Want: []string{"m1", "2"}, Got: []string{"m1", "5"}},
		{Got: []string{"m\x01", "1"}},
	}}
	between := cases.Difference{What: "entitlements", Columns: cases.EntitlementColumns, Rows: []cases.RowDifference{{
		Want: []string{"p", "1", "m1", "base", "points", "5", "transaction", "t1", "2026-11-20T10:00:00Z", "2026-11-20"},
		Got:  []string{"p", "1", "m1", "base", "points", "5.0", "transaction", "t1", "2026-11-20T10:00:00Z", "2026-11-21"},
	}}}
	reject := cases.Difference{What: "rejects", Line: 40, Columns: cases.RejectColumns, Rows: []cases.RowDifference{
		{Got: []string{"items", "2026-11-20", "2", "bad_number"}},
	}}
	differs := jobs.CaseAnswer{Differences: []cases.Difference{expect}}
	return []jobs.CaseResult{
		{Case: cases.Case{Name: "right", File: "a.yaml", Line: 2}, Answers: answers(jobs.CaseAnswer{}, jobs.CaseAnswer{}), Took: 1500 * time.Millisecond},
		{Case: cases.Case{Name: "wrong <&>", File: "a.yaml", Line: 5}, Answers: answers(differs, differs)},
		{Case: cases.Case{Name: "no answer", File: "b.yaml", Line: 20},
			Answers: answers(jobs.CaseAnswer{Err: errors.New("too large")}, jobs.CaseAnswer{})},
		{Case: cases.Case{Name: "apart", File: "b.yaml", Line: 30}, Answers: answers(jobs.CaseAnswer{}, differs),
			Between: []cases.Difference{between}},
		{Case: cases.Case{Name: "rejected", File: "b.yaml", Line: 40},
			Answers: answers(jobs.CaseAnswer{Differences: []cases.Difference{reject}}, jobs.CaseAnswer{Differences: []cases.Difference{reject}})},
	}
}

func TestFailedCasesAreShown(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out}
	a.writeTested(tested(), 2340*time.Millisecond)
	want := `FAIL  wrong <&> (a.yaml:5)
  Both engines, entitlements (line 9):
             member_id  amount
    missing  m2         3                  line 11
    differs  m1         expected 2, got 5  line 12
    extra    "m\x01"    1

FAIL  no answer (b.yaml:20)
  The passes: it cannot be run: too large

FAIL  apart (b.yaml:30)
  The reference, entitlements (line 9):
             member_id  amount
    missing  m2         3                  line 11
    differs  m1         expected 2, got 5  line 12
    extra    "m\x01"    1
  The engines differ with each other, which they never should: it is a fault of accrue, whatever the
  case expects.
             member_id  rule  amount  source_id  earned_on
    differs  m1         base  5.0     t1         passes 2026-11-20, reference 2026-11-21

FAIL  rejected (b.yaml:40)
  Both engines, rejects: given rows that are not accepted (list them under rejects if they are meant):
           dataset  delivery    row  reason
    extra  items    2026-11-20  2    bad_number

FAIL  a.yaml  1 of 2 cases failed
FAIL  b.yaml  3 of 3 cases failed
Failed: 4 of 5 cases in 2.3 s
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	out.Reset()
	a.writeTested(tested()[:1], time.Second)
	if got := out.String(); got != "ok  a.yaml  1 case\nAll passed: 1 case on both engines in 1.0 s\n" {
		t.Error(got)
	}
}

func TestJUnit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.xml")
	if err := writeJUnit(file, tested()[:3], 2340*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="accrue test" tests="3" failures="1" errors="1" time="2.340">
  <testsuite name="a.yaml" tests="2" failures="1" errors="0" skipped="0" time="1.500">
    <testcase name="right" classname="a" file="a.yaml" line="2" time="1.500"></testcase>
    <testcase name="wrong &lt;&amp;&gt;" classname="a" file="a.yaml" line="5" time="0.000">
      <failure message="entitlements: 1 missing, 1 different, 1 extra" type="difference"><![CDATA[
  Both engines, entitlements (line 9):
             member_id  amount
    missing  m2         3                  line 11
    differs  m1         expected 2, got 5  line 12
    extra    "m\x01"    1
]]></failure>
    </testcase>
  </testsuite>
  <testsuite name="b.yaml" tests="1" failures="0" errors="1" skipped="0" time="0.000">
    <testcase name="no answer" classname="b" file="b.yaml" line="20" time="0.000">
      <error message="the passes: too large" type="error"><![CDATA[
  The passes: it cannot be run: too large
]]></error>
    </testcase>
  </testsuite>
</testsuites>
`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	var read junitSuites
	if err := xml.Unmarshal(text, &read); err != nil || read.Tests != 3 {
		t.Errorf("%v: %+v", err, read)
	}
	if got := reason(tested()[3]); got != "the engines differ with each other" {
		t.Error(got)
	}
}
