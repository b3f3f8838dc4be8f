package program_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"accrue/pipeline/program"
)

// Every message that can be said about a program file, fault or warning, is said in some fixture: each text between
// quotes that is given to one of the functions that report must be found there.
func TestEveryMessageHasAFixture(t *testing.T) {
	said := expectedTexts(t)
	messages := map[string]string{} // with a place in the source
	for _, dir := range []string{".", "../yamlpos"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				collect(t, file, messages)
			}
		}
	}
	if len(messages) < 80 {
		t.Fatalf("only %d messages found: the reporting functions have other names", len(messages))
	}
	for text, at := range messages {
		if slices.Contains(nets, text) {
			continue
		}
		if !pattern(text).MatchString(said) {
			t.Errorf("%s: no fixture says %q", at, text)
		}
	}
}

// nets are for what the YAML parser may come to say and today does not, whatever it is given, and for what only a file
// of hundreds of kilobytes makes it say (TestFilesThatAreTooLarge).
var nets = []string{
	"the file cannot be read as YAML", "the file cannot be read as YAML: ", "this part of YAML is not read",
	"this cannot be read as YAML here", "a document ends inside a value", "a key may not go over several lines",
	"a } without its {", "the file has %d bytes; at most %d are read", "the file has more than %d words and signs",
	"codes_file has more than %d bytes",
}

func TestFilesThatAreTooLarge(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("#", 2<<20) + "\n": "big.yaml:1:1: the file has 2097153 bytes; at most 2097152 are read\n  hint: is it the right file?\n",
		"a: [" + strings.Repeat("1,", 100_000) + "1]\n": "big.yaml:1:1: the file has more than 200000 words and signs\n" +
			"  1 | a: [" + strings.Repeat("1,", 58) + "…\n    | ^\n  hint: is it the right file?\n",
	} {
		if _, faults := program.Parse("big.yaml", []byte(text)); faults.Error() != want {
			t.Errorf("got\n%s\nwant\n%s", faults.Error(), want)
		}
	}
}

// reporters are the functions that report, with the place of the message among their arguments.
var reporters = map[string]int{"Fault": 2, "fault": 2, "faultAt": 3, "refuse": 1}

// collect finds the messages of a file. Functions that return the words of a warning are those of the files warn*.go.
func collect(t *testing.T, file string, messages map[string]string) {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	add := func(e ast.Expr) {
		ast.Inspect(e, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if text, err := strconv.Unquote(lit.Value); err == nil && len(text) > 8 {
				messages[text] = set.Position(lit.Pos()).String()
			}
			return true
		})
	}
	name := filepath.Base(file)
	warns, inWords := strings.HasPrefix(name, "warn"), name == "syntax.go" || name == "tokens.go"
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := ""
			switch f := n.Fun.(type) {
			case *ast.SelectorExpr:
				name = f.Sel.Name
			case *ast.Ident:
				name = f.Name
			}
			if i, ok := reporters[name]; ok && i < len(n.Args) {
				add(n.Args[i])
			}
			if name == "Wrong" && len(n.Args) == 3 {
				if lit, ok := n.Args[1].(*ast.BasicLit); ok {
					want, _ := strconv.Unquote(lit.Value)
					messages["%s must be "+want+", not %s"] = set.Position(lit.Pos()).String()
				}
			}
		case *ast.ReturnStmt:
			for i, e := range n.Results {
				if warns || inWords && i == 0 {
					add(e)
				}
			}
		case *ast.CompositeLit:
			if lit, ok := second(n); ok && inWords {
				add(lit)
			}
		}
		return true
	})
}

// second returns the second element of a literal of three texts: an explanation of a parser's message.
func second(n *ast.CompositeLit) (ast.Expr, bool) {
	if len(n.Elts) != 3 {
		return nil, false
	}
	lit, ok := n.Elts[1].(*ast.BasicLit)
	return lit, ok && lit.Kind == token.STRING
}

// pattern turns the verbs of a format into whatever may stand there.
func pattern(format string) *regexp.Regexp {
	parts := regexp.MustCompile(`%[0-9]*[a-zA-Z]`).Split(format, -1)
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(strings.ReplaceAll(p, "%%", "%"))
	}
	return regexp.MustCompile(strings.Join(parts, ".+"))
}

// expectedTexts reads what all fixtures expect to be said.
func expectedTexts(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, dir := range []string{badPrograms, warnings} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".txt" {
				out.Write(read(t, path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}
