package evaluate_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"accrue/fixtures/random"
	"accrue/pipeline/cases"
	"accrue/pipeline/evaluate"
)

// mutant is a fault planted in one pass: in the statements whose name matches, what find matches is replaced.
type mutant struct {
	what, statement, find, replace string
	// survives says why no program can tell the difference; "" for a mutant that must be noticed.
	survives string
}

func (m mutant) rewrite() func(evaluate.Statement) string {
	statement, find := regexp.MustCompile("^(?:"+m.statement+")$"), regexp.MustCompile(m.find)
	return func(s evaluate.Statement) string {
		if s.Skipped || !statement.MatchString(s.Name) {
			return s.SQL
		}
		return find.ReplaceAllString(s.SQL, m.replace)
	}
}

// subject is a program with facts, what the reference makes of it and the statements that the passes run for it.
type subject struct {
	name       string
	c          cases.Case
	want       cases.Outcome
	statements []evaluate.Statement
}

// Mutants: of each planted fault, random programs or the cases worked by hand must show a difference to the
// reference. ACCRUE_MUTANTS, a regular expression, names those that are planted; without it one in eight is.
func TestMutants(t *testing.T) {
	only, every := os.Getenv("ACCRUE_MUTANTS"), 8
	seeds := 60
	if only != "" {
		every, seeds = 1, 600
	}
	named := regexp.MustCompile(only)
	p := open(t)
	subjects := mutantSubjects(t, p, seeds)
	planted, survived := 0, 0
	for i, m := range mutants {
		if i%every != 0 || !named.MatchString(m.what) {
			continue
		}
		planted++
		by, tried := noticed(t, p, m, subjects)
		switch {
		case tried == 0 && every == 1:
			t.Errorf("%s: no statement has %q: the mutant is stale", m.what, m.find)
		case by == "" && m.survives == "" && every == 1:
			survived++
			t.Errorf("%s: survives %d programs that it changes", m.what, tried)
		case by == "":
			survived++
			t.Logf("%s: survives %d programs that it changes: %s", m.what, tried, m.survives)
		case m.survives != "":
			t.Errorf("%s: noticed by %s, though it is said that nothing can: %s", m.what, by, m.survives)
		default:
			t.Logf("%s: noticed by %s, the %d. program that it changes", m.what, by, tried)
		}
	}
	t.Logf("%d mutants planted, %d survive", planted, survived)
}

// mutantSubjects are random programs, and all cases worked by hand when all mutants are planted.
func mutantSubjects(t *testing.T, p *passes, seeds int) []*subject {
	t.Helper()
	var out []*subject
	add := func(name string, c cases.Case) {
		want, err := cases.Reference{}.Run(c)
		if err != nil {
			return
		}
		want.Rejects = nil
		s := &subject{name: name, c: c, want: want}
		p.rewrite = func(st evaluate.Statement) string {
			s.statements = append(s.statements, st)
			return st.SQL
		}
		got, err := p.Run(c)
		got.Rejects = nil
		if err == nil && cases.Compare("passes", got, "reference", want) == "" {
			out = append(out, s) // what differs without a mutant is another test's
		}
	}
	for seed := 1; seed <= seeds; seed++ {
		add(fmt.Sprintf("seed %d", seed), random.New(uint64(seed)))
	}
	for _, c := range corpus(t) {
		add(c.Name, c)
	}
	return out
}

// noticed plants the fault in one program after the other until one shows a difference.
func noticed(t *testing.T, p *passes, m mutant, subjects []*subject) (by string, tried int) {
	t.Helper()
	rewrite := m.rewrite()
	for _, s := range subjects {
		changes := false
		for _, st := range s.statements {
			changes = changes || rewrite(st) != st.SQL
		}
		if !changes {
			continue
		}
		tried++
		p.rewrite = rewrite
		got, err := p.Run(s.c)
		if err != nil {
			if strings.Contains(err.Error(), "Parser Error") || strings.Contains(err.Error(), "Binder Error") {
				t.Errorf("%s: the mutant is no SQL: %v", m.what, err)
			}
			return s.name + " (" + err.Error() + ")", tried
		}
		got.Rejects = nil
		if cases.Compare("passes", got, "reference", s.want) != "" {
			return s.name, tried
		}
	}
	return "", tried
}
