package cli

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"time"

	"accrue/jobs"
	"accrue/pipeline/cases"
)

// JUnit XML as build servers read it: a suite for each case file, a test for each case.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string      `xml:"name,attr"`
		ClassName string      `xml:"classname,attr"`
		File      string      `xml:"file,attr"`
		Line      int         `xml:"line,attr"`
		Time      string      `xml:"time,attr"`
		Failure   *junitFault `xml:"failure"`
		Error     *junitFault `xml:"error"`
	}
	junitFault struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",cdata"`
	}
)

// writeJUnit writes the results to a file. A case that an engine could not run is an error, one that came out
// otherwise a failure.
func writeJUnit(file string, results []jobs.CaseResult, took time.Duration) error {
	all := junitSuites{Name: "accrue test", Time: seconds(took)}
	index := map[string]int{}
	times := map[string]time.Duration{}
	for _, r := range results {
		name := r.Case.File
		if _, known := index[name]; !known {
			index[name] = len(all.Suites)
			all.Suites = append(all.Suites, junitSuite{Name: name})
		}
		s := &all.Suites[index[name]]
		c := junitCase{Name: r.Case.Name, ClassName: strings.TrimSuffix(name, ".yaml"), File: name, Line: r.Case.Line, Time: seconds(r.Took)}
		times[name] += r.Took
		s.Time = seconds(times[name])
		s.Tests++
		all.Tests++
		if r.Failed() {
			fault := &junitFault{Message: reason(r), Type: "difference", Text: "\n" + xmlText(failureText(r, paint{}))}
			if r.Answers[0].Err != nil || r.Answers[1].Err != nil {
				fault.Type, c.Error = "error", fault
				s.Errors++
				all.Errors++
			} else {
				c.Failure = fault
				s.Failures++
				all.Failures++
			}
		}
		s.Cases = append(s.Cases, c)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append([]byte(xml.Header), append(text, '\n')...), 0o644)
}

// xmlText replaces what XML cannot hold.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == '\ufffe' || r == '\uffff' {
			return '\ufffd'
		}
		return r
	}, s)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// reason says in a line why a case failed.
func reason(r jobs.CaseResult) string {
	if len(r.Between) > 0 {
		return "the engines differ with each other"
	}
	for _, a := range r.Answers {
		if a.Err != nil {
			first, _, _ := strings.Cut(a.Err.Error(), "\n")
			return a.Engine + ": " + first
		}
	}
	var parts []string
	for _, d := range r.Answers[0].Differences {
		counts := map[string]int{}
		for _, row := range d.Rows {
			switch {
			case row.Got == nil:
				counts["missing"]++
			case row.Want == nil:
				counts["extra"]++
			default:
				counts["different"]++
			}
		}
		var said []string
		for _, what := range []string{"missing", "different", "extra"} {
			if counts[what] > 0 {
				said = append(said, fmt.Sprintf("%d %s", counts[what], what))
			}
		}
		parts = append(parts, d.What+": "+strings.Join(said, ", "))
	}
	return strings.Join(parts, "; ")
}

type testedText struct {
	Cases   int              `json:"cases"`
	Failed  int              `json:"failed"`
	Seconds float64          `json:"seconds"`
	Results []caseResultText `json:"results"`
}

type caseResultText struct {
	File    string             `json:"file"`
	Line    int                `json:"line"`
	Name    string             `json:"name"`
	Passed  bool               `json:"passed"`
	Seconds float64            `json:"seconds"`
	Reason  string             `json:"reason,omitempty"`
	Engines []engineAnswerText `json:"engines,omitempty"`
	Between []differenceText   `json:"engines_differ,omitempty"`
}

type engineAnswerText struct {
	Engine      string           `json:"engine"`
	Error       string           `json:"error,omitempty"`
	Differences []differenceText `json:"differences,omitempty"`
}

type differenceText struct {
	Table   string              `json:"table"`
	Line    int                 `json:"line,omitempty"`
	Columns []string            `json:"columns"`
	Rows    []rowDifferenceText `json:"rows"`
}

type rowDifferenceText struct {
	Line      int      `json:"line,omitempty"`
	Expected  []string `json:"expected,omitempty"`
	Got       []string `json:"got,omitempty"`
	Passes    []string `json:"passes,omitempty"`
	Reference []string `json:"reference,omitempty"`
}

func testedJSON(results []jobs.CaseResult, took time.Duration) testedText {
	out := testedText{Cases: len(results), Seconds: took.Round(time.Millisecond).Seconds(), Results: []caseResultText{}}
	for _, r := range results {
		t := caseResultText{File: r.Case.File, Line: r.Case.Line, Name: r.Case.Name, Passed: !r.Failed(),
			Seconds: r.Took.Round(time.Millisecond).Seconds()}
		if r.Failed() {
			out.Failed++
			t.Reason = reason(r)
			for _, a := range r.Answers {
				e := engineAnswerText{Engine: strings.TrimPrefix(a.Engine, "the "), Differences: differencesJSON(a.Differences, false)}
				if a.Err != nil {
					e.Error = a.Err.Error()
				}
				t.Engines = append(t.Engines, e)
			}
			t.Between = differencesJSON(r.Between, true)
		}
		out.Results = append(out.Results, t)
	}
	return out
}

func differencesJSON(list []cases.Difference, engines bool) []differenceText {
	var out []differenceText
	for _, d := range list {
		t := differenceText{Table: d.What, Line: d.Line, Columns: d.Columns}
		for _, r := range d.Rows {
			row := rowDifferenceText{Line: r.Line, Expected: r.Want, Got: r.Got}
			if engines {
				row = rowDifferenceText{Passes: r.Want, Reference: r.Got}
			}
			t.Rows = append(t.Rows, row)
		}
		out = append(out, t)
	}
	return out
}
