package pipeline_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// wall says who must not import what, and why. Patterns are paths below the module, or whole import paths of other
// modules; `/...` at the end takes everything below as well.
type wall struct {
	who    []string
	except []string
	not    []string
	tests  bool // holds for test files too
	why    string
}

var stages = []string{
	"pipeline/load", "pipeline/evaluate", "pipeline/ledger", "pipeline/emit", "pipeline/reconcile", "pipeline/rollforward", "pipeline/explain",
}

var walls = []wall{
	{who: []string{"pipeline"}, not: []string{"accrue/..."},
		why: "the words are shared by all stages and must depend on none"},
	{who: []string{"schemas"}, not: []string{"accrue/pipeline/...", "accrue/jobs", "accrue/cmd/..."},
		why: "contracts are the one source for everyone else, so they take nothing from anyone"},
	{who: []string{"pipeline/..."}, not: []string{"accrue/jobs/...", "accrue/cmd/..."},
		why: "data flows one way, and jobs alone knows the order of the stages"},
	{who: []string{"jobs/..."}, not: []string{"accrue/cmd/..."},
		why: "what runs when must not depend on how it is shown"},
	{who: []string{"..."}, except: []string{"jobs"},
		not: []string{"accrue/pipeline/load", "accrue/pipeline/ledger", "accrue/pipeline/emit"},
		why: "jobs is the only wiring: whoever else calls a stage that writes would know the order of the night too"},
	{who: []string{"..."}, except: []string{"pipeline/warehouse"}, tests: true,
		not: []string{"github.com/marcboeker/go-duckdb/...", "github.com/duckdb/..."},
		why: "which driver is linked is decided in pipeline/warehouse by a build tag, and two cannot be linked together"},
	{who: []string{"..."}, except: []string{"schemas", "pipeline/columnar"},
		not: []string{"github.com/apache/arrow/...", "github.com/apache/arrow-go/..."},
		why: "Arrow is for contracts (schemas) and files (pipeline/columnar); everything else speaks their words"},
	{who: []string{"pipeline/reference"}, tests: true,
		not: []string{"accrue/pipeline/plan", "accrue/pipeline/sqlgen", "accrue/pipeline/warehouse", "accrue/pipeline/zone",
			"accrue/pipeline/evaluate", "database/sql"},
		why: "that the two engines agree is worth something only while they share nothing but the program's words"},
	{who: []string{"pipeline/plan", "pipeline/sqlgen", "pipeline/evaluate"}, not: []string{"accrue/pipeline/reference"},
		why: "that the two engines agree is worth something only while they share nothing but the program's words"},
	{who: []string{"pipeline/plan"}, not: []string{"accrue/pipeline/sqlgen", "accrue/pipeline/warehouse", "database/sql",
		"os", "io/fs"},
		why: "a plan is a table of passes: no SQL text, no database, no files"},
	{who: []string{"pipeline/program"}, not: []string{"accrue/pipeline/plan", "accrue/pipeline/sqlgen",
		"accrue/pipeline/reference", "accrue/pipeline/warehouse", "accrue/schemas"},
		why: "a program file means the same whichever engine evaluates it"},
	{who: []string{"..."}, except: []string{"pipeline/evaluate", "pipeline/sqlgen"}, not: []string{"accrue/pipeline/sqlgen"},
		why: "composed SQL has one user, evaluate; a stage's own statements are static"},
	{who: []string{"pipeline/...", "jobs/...", "cmd/...", "schemas"}, except: []string{"cmd/internal/cli"},
		not: []string{"accrue/fixtures/..."},
		why: "fixtures are test and sample data; only `accrue init` hands the sample on"},
	{who: []string{"..."}, except: []string{"cmd/internal/cli"}, not: []string{"github.com/spf13/...",
		"github.com/jedib0t/go-pretty/...", "golang.org/x/term"},
		why: "only cmd/internal/cli formats for people"},
}

// init adds that stages do not import each other: one wall for each, because a stage may import its own parts.
func init() {
	for _, s := range stages {
		w := wall{who: []string{s}, why: "stages hand on tables and totals; jobs puts them in order"}
		for _, other := range stages {
			if other != s {
				w.not = append(w.not, "accrue/"+other)
			}
		}
		walls = append(walls, w)
	}
}

// breach returns what is wrong with dir importing the package, "" if nothing is.
func (w wall) breach(dir, imported string, test bool) string {
	if test && !w.tests || !matchesAny(w.who, dir) || matchesAny(w.except, dir) || !matchesAny(w.not, imported) {
		return ""
	}
	return fmt.Sprintf("%s must not import %s: %s", dir, imported, w.why)
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == "..." {
			return true
		}
		if below, ok := strings.CutSuffix(p, "/..."); ok {
			return name == below || strings.HasPrefix(name, below+"/")
		}
		return name == p
	})
}

// source is one Go file of the module.
type source struct {
	path  string // below the module, with slashes
	lines int
	test  bool
	fset  *token.FileSet
	file  *ast.File
}

func (s source) dir() string { return path.Dir(s.path) }

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

// sources reads every Go file of the module, whatever its build tags.
var sources = sync.OnceValues(func() ([]source, error) {
	var out []source
	err := filepath.WalkDir("..", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && name != ".." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata") {
			return filepath.SkipDir
		}
		if e.IsDir() && name != ".." {
			// A folder with a go.mod is another module.
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
				return filepath.SkipDir
			}
		}
		if e.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		rel, err := filepath.Rel("..", name)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(rel), name)
		out = append(out, s)
		return err
	})
	return out, err
})

func parse(rel, name string) (source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return source{}, err
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, rel, text, parser.SkipObjectResolution)
	return source{
		path: rel, lines: bytes.Count(text, []byte{'\n'}), test: strings.HasSuffix(rel, "_test.go"), fset: fset, file: f,
	}, err
}

func all(t *testing.T) []source {
	t.Helper()
	list, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Fatalf("only %d Go files found: the test looks in the wrong place", len(list))
	}
	return list
}

func TestWallsBetweenPackages(t *testing.T) {
	for _, s := range all(t) {
		for _, spec := range s.file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range walls {
				if fault := w.breach(s.dir(), imported, s.test); fault != "" {
					t.Errorf("%s: %s", s.at(spec), fault)
				}
			}
		}
	}
}

func TestWallsNoticeABreach(t *testing.T) {
	for _, c := range []struct {
		dir, imported string
		test, want    bool
	}{
		{"pipeline/load", "accrue/pipeline/emit", false, true},
		{"pipeline/load", "accrue/pipeline/load/inner", false, false},
		{"pipeline", "accrue/schemas", false, true},
		{"pipeline/emit", "accrue/jobs", false, true},
		{"cmd/internal/cli", "accrue/pipeline/ledger", false, true},
		{"jobs", "accrue/pipeline/ledger", false, false},
		{"jobs", "github.com/marcboeker/go-duckdb", true, true},
		{"pipeline/warehouse", "github.com/duckdb/duckdb-go/v2", false, false},
		{"pipeline/load", "github.com/apache/arrow/go/v15/arrow", false, true},
		{"pipeline/columnar", "github.com/apache/arrow/go/v15/arrow", false, false},
		{"pipeline/reference", "accrue/pipeline/plan", true, true},
		{"pipeline/reference", "accrue/pipeline/program", false, false},
		{"jobs", "github.com/spf13/cobra", false, true},
	} {
		got := slices.ContainsFunc(walls, func(w wall) bool { return w.breach(c.dir, c.imported, c.test) != "" })
		if got != c.want {
			t.Errorf("%s importing %s (test file: %t): breach is %t, want %t", c.dir, c.imported, c.test, got, c.want)
		}
	}
}

// selectors calls fn for every use of a name of a package that the file imports, as `time.Now`.
func (s source) selectors(fn func(pkg, name string, at ast.Node)) {
	local := map[string]string{}
	for _, spec := range s.file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		local[name] = imported
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && local[id.Name] != "" {
			fn(local[id.Name], sel.Sel.Name, sel)
		}
		return true
	})
}

func TestNoClockBelowJobs(t *testing.T) {
	found := 0
	for _, s := range all(t) {
		clockAllowed := s.test || matchesAny([]string{"jobs/...", "cmd/..."}, s.dir())
		s.selectors(func(pkg, name string, at ast.Node) {
			if pkg != "time" || !slices.Contains([]string{"Now", "Since", "Until"}, name) {
				return
			}
			found++
			if !clockAllowed {
				t.Errorf("%s: time.%s: below jobs and cmd there is no clock; dates and instants are arguments, or the same "+
					"facts would give other grants tomorrow", s.at(at), name)
			}
		})
	}
	if found == 0 {
		t.Error("no use of the clock was found anywhere, tests included: the search does not work")
	}
}

func TestOnlyCLITalksAndExits(t *testing.T) {
	found := 0
	forbidden := map[string][]string{
		"os":  {"Exit", "Stdout", "Stderr"},
		"fmt": {"Print", "Printf", "Println"},
		"log": {"Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"},
	}
	for _, s := range all(t) {
		if s.test {
			continue
		}
		s.selectors(func(pkg, name string, at ast.Node) {
			if !slices.Contains(forbidden[pkg], name) {
				return
			}
			found++
			if s.dir() != "cmd/internal/cli" {
				t.Errorf("%s: %s.%s: only cmd/internal/cli formats for people and ends the process", s.at(at), pkg, name)
			}
		})
	}
	if found == 0 {
		t.Error("not even the CLI writes to its streams: the search does not work")
	}
}

// sqlText finds statements, not the words that a sentence may hold too.
var sqlText = regexp.MustCompile(`(?s)\bSELECT\b.*\bFROM\b|\bINSERT INTO\b|\bCREATE (TEMP )?(TABLE|VIEW|MACRO)\b|` +
	`\bGROUP BY\b|\bORDER BY\b|\bOVER \(|\bCASE WHEN\b`)

func TestPlanHoldsNoSQL(t *testing.T) {
	if !sqlText.MatchString("SELECT a\nFROM b") || sqlText.MatchString("select the lines that qualify") {
		t.Fatal("the pattern does not tell SQL from prose")
	}
	for _, s := range all(t) {
		if s.test || !matchesAny([]string{"pipeline/plan", "pipeline/program", "pipeline/reference"}, s.dir()) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && sqlText.MatchString(lit.Value) {
				t.Errorf("%s: SQL text: SQL for rules is composed in pipeline/sqlgen only, so that quoting and dialects have "+
					"one place", s.at(lit))
			}
			return true
		})
	}
}

// TestEveryKindIsWhole holds the four things of a kind of rule together.
func TestEveryKindIsWhole(t *testing.T) {
	kinds := map[string]map[string]bool{}
	rooms := []string{"program", "plan", "reference"}
	for _, room := range rooms {
		files, err := filepath.Glob(filepath.Join(room, "kind_*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			kind := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "kind_"), ".go")
			if strings.HasSuffix(kind, "_test") {
				continue
			}
			if kinds[kind] == nil {
				kinds[kind] = map[string]bool{}
			}
			kinds[kind][room] = true
		}
	}
	if len(kinds) < 5 {
		t.Errorf("only %d kinds found", len(kinds))
	}
	cases := corpus(t)
	for kind, has := range kinds {
		for _, room := range rooms {
			if !has[room] {
				t.Errorf("kind %s: pipeline/%s/kind_%s.go is missing; a kind is one file each in program, plan and reference, "+
					"and its cases", kind, room, kind)
			}
		}
		if !regexp.MustCompile(`\bkind: *["']?` + kind + `\b`).Match(cases) {
			t.Errorf("kind %s: no case in fixtures/cases has a rule of it", kind)
		}
	}
}

// corpus returns the text of all case files.
func corpus(t *testing.T) []byte {
	t.Helper()
	var out []byte
	err := filepath.WalkDir("../fixtures/cases", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(name) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(name)
		out = append(out, text...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// longFiles may have more than maxLines lines, for the reason beside each.
var longFiles = map[string]string{}

const maxLines = 500

func TestFilesStayShort(t *testing.T) {
	for _, s := range all(t) {
		if _, ok := longFiles[s.path]; !ok && s.lines > maxLines {
			t.Errorf("%s has %d lines: look for the two rooms in it, or give a reason in longFiles", s.path, s.lines)
		}
	}
	for name := range longFiles {
		if !slices.ContainsFunc(all(t), func(s source) bool { return s.path == name && s.lines > maxLines }) {
			t.Errorf("%s needs no place in longFiles any more", name)
		}
	}
}
