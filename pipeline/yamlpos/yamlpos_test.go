package yamlpos_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/yamlpos"
)

// outline writes a tree as text: kinds by brackets, numbers bare, texts quoted, every value with its place.
func outline(n *yamlpos.Node) string {
	at := fmt.Sprintf("@%d:%d", n.Pos.Line, n.Pos.Column)
	var parts []string
	switch n.Kind {
	case yamlpos.Mapping:
		for _, e := range n.Entries {
			parts = append(parts, fmt.Sprintf("%s@%d:%d=%s", e.Key, e.KeyPos.Line, e.KeyPos.Column, outline(e.Value)))
		}
		return "{" + strings.Join(parts, " ") + "}" + at
	case yamlpos.List:
		for _, it := range n.Items {
			parts = append(parts, outline(it))
		}
		return "[" + strings.Join(parts, " ") + "]" + at
	case yamlpos.Text:
		return fmt.Sprintf("%q", n.Text) + at
	case yamlpos.Null:
		return "null" + at
	}
	return n.Text + at
}

func TestScalarsStayTheTextTheyAreWrittenAs(t *testing.T) {
	tests := map[string]string{
		"a: 0.10":                          `{a@1:1=0.10@1:4}@1:1`,
		"a: 2.333333":                      `{a@1:1=2.333333@1:4}@1:1`,
		"a: 12345678901234567890.10":       `{a@1:1=12345678901234567890.10@1:4}@1:1`,
		"a: 2026-04-01":                    `{a@1:1="2026-04-01"@1:4}@1:1`,
		"a: {f: 10:00, u: \"24:00\"}":      `{a@1:1={f@1:5="10:00"@1:8 u@1:15="24:00"@1:18}@1:4}@1:1`,
		"a: 0.1 %":                         `{a@1:1="0.1 %"@1:4}@1:1`,
		"a: 007":                           `{a@1:1=007@1:4}@1:1`,
		"a: yes":                           `{a@1:1="yes"@1:4}@1:1`,
		"a: true":                          `{a@1:1=true@1:4}@1:1`,
		"a:\nb: ~\nc: 'it''s'":             `{a@1:1=null@1:1 b@2:1=null@2:4 c@3:1="it's"@3:4}@1:1`,
		"a: |\n  x\n  y\nb: 1":             `{a@1:1="x\ny\n"@1:4 b@4:1=1@4:4}@1:1`,
		"a:\n- b: 1\n  c: [x, y]\n- d: {}": `{a@1:1=[{b@2:3=1@2:6 c@3:3=["x"@3:7 "y"@3:10]@3:6}@2:3 {d@4:3={}@4:6}@4:3]@2:1}@1:1`,
		"\ufeffa: 1\r\nb: 2\r\n":           `{a@1:1=1@1:4 b@2:1=2@2:4}@1:1`,
		"---\na: 1 # one\n...\n":           `{a@2:1=1@2:4}@2:1`,
		"名: {é: 1, b: 2}":                  `{名@1:1={é@1:5=1@1:8 b@1:11=2@1:14}@1:4}@1:1`,
		"a:\tb":                            `{a@1:1="b"@1:4}@1:1`,
		"a: {b: 1,\n  c: [x,\n y]}":        `{a@1:1={b@1:5=1@1:8 c@2:3=["x"@2:7 "y"@3:2]@2:6}@1:4}@1:1`,
	}
	for text, want := range tests {
		doc, faults := yamlpos.Parse("f.yaml", []byte(text))
		if len(faults) > 0 {
			t.Errorf("%q: %v", text, faults)
			continue
		}
		if got := outline(doc.Root); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestWhatIsNotReadIsAFaultWithItsPlace(t *testing.T) {
	tests := map[string]string{
		"":                       "1:1: the file is empty",
		"# only a comment\n":     "1:1: the file is empty",
		"null\n":                 "1:1: the file is empty",
		"hello\n":                "1:1: the file is a text, not a mapping of keys to values",
		"- a\n- b\n":             "1:1: the file is a list, not a mapping of keys to values",
		"a: 1\n\tb: 2\n":         "2:1: a tab where blanks are expected",
		"a:\n\tb: 2\n":           "2:1: a tab where blanks are expected",
		"a: 1\nb: 2\na: 3\n":     `3:1: the key "a" is there twice`,
		"a: {x: 1, x: 2}\n":      `1:11: the key "x" is there twice`,
		"a: {x, x}\n":            `1:8: the key "x" is there twice`,
		"a: 1\n\"a\": 2\n":       `2:1: the key "a" is there twice`,
		"a: &x 1\n":              "1:4: anchors (&name) are not read",
		"a: *x\n":                "1:4: aliases (*name) are not read",
		"a: {<<: 1}\n":           "1:5: merge keys (<<) are not read",
		"a: !!str 5\n":           "1:4: tags (!name) are not read",
		"%YAML 1.2\n---\na: 1\n": "1:1: directives (%NAME) are not read",
		"? [a, b]\n: 1\n":        "1:1: keys with ? are not read",
		"a: 1\n---\nb: 2\n":      "3:1: a second document starts here",
		"a: 1\n...\nb: 2\n":      "3:1: a second document starts here",
		"a: {b: 1\nc: 2\n":       "2:1: the { before is not closed",
		"a: [1, 2\nb: 3\n":       "2:1: the [ before is not closed",
		"a: \"b\nc: 2\n":         "1:4: the quote that opens here never closes",
		"a: 'b\nc: 2\n":          "1:4: the quote that opens here never closes",
		"a: @x\n":                "1:4: a value cannot start with @",
		"a: b: c\n":              "1:4: a key cannot stand here",
		"a 1\nb: 2\n":            "1:1: a line without `key:`",
		"a: 1\n- b\n":            "2:1: a list item among keys",
		"a: - b\n":               "1:4: a list cannot start here",
		"a: [1]]\n":              "1:7: this does not fit what stands before it",
		"a: {b: 1}}\n":           "1:10: this does not fit what stands before it",
		"r:\n  - id: a\n    kind: b\n   earn: 1\n": "4:4: this does not fit what stands before it",
		"a: \xff\n":         "1:4: a byte that is not UTF-8",
		"a: 1\nb: x\x00y\n": "2:5: a control character (U+0000)",
		"[a]: 1\n":          "",
		"a: {[b]: 1}\n":     "",
		"a: \"\\q\"\n":      "1:6: an unknown escape in a \"text\"",
	}
	for text, want := range tests {
		doc, faults := yamlpos.Parse("f.yaml", []byte(text))
		if doc != nil || len(faults) == 0 {
			t.Errorf("%q was read", text)
			continue
		}
		if got := faults[0].Error(); want != "" && got != "f.yaml:"+want {
			t.Errorf("%q:\n got %s\nwant f.yaml:%s", text, got, want)
		}
	}
}

func TestAllUnreadPartsAreReportedAtOnce(t *testing.T) {
	_, faults := yamlpos.Parse("f.yaml", []byte("a: &x 1\nb: *x\nc: !t 2\n"))
	want := `f.yaml:1:4: anchors (&name) are not read
  1 | a: &x 1
    |    ^
  hint: write the value out where it is needed; put a text that starts with & in quotes

f.yaml:2:4: aliases (*name) are not read
  2 | b: *x
    |    ^
  hint: write the value out where it is needed; put a text that starts with * in quotes

f.yaml:3:4: tags (!name) are not read
  3 | c: !t 2
    |    ^
  hint: leave the tag out; a value in quotes is a text
`
	if diff := cmp.Diff(want, faults.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestFaultText(t *testing.T) {
	long := strings.Repeat("a", 200) + ": [x, x]" + strings.Repeat(" ", 200) + "# end"
	tests := []struct {
		text         string
		line, column int
		want         string
	}{
		{"a: 1\nb:\t2", 2, 1, "p.yaml:2:1: base: wrong\n  2 | b:\t2\n    | ^\n  hint: do right\n"},
		{strings.Repeat("\n", 9) + "b:\t2", 10, 4, "p.yaml:10:4: base: wrong\n  10 | b:\t2\n     |   \t^\n  hint: do right\n"},
		{"a: 1", 3, 1, "p.yaml:3:1: base: wrong\n  hint: do right\n"},
		// Column 201 is the colon: 59 characters of the line stand before it, and 61 from it on.
		{long, 1, 201, "p.yaml:1:201: base: wrong\n  1 | …" + strings.Repeat("a", 59) + ": [x, x]" + strings.Repeat(" ", 53) +
			"…\n    | " + strings.Repeat(" ", 60) + "^\n  hint: do right\n"},
	}
	for _, tt := range tests {
		doc, faults := yamlpos.Parse("p.yaml", []byte(tt.text))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		f := doc.Fault(yamlpos.Pos{File: "p.yaml", Line: tt.line, Column: tt.column}, "base", "wrong", "do right")
		if diff := cmp.Diff(tt.want, f.Text()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"earn", "per", "steps", "items", "min_spend", "basis", "effective_from"}
	tests := map[string]string{
		"earns": "earn", "Earn": "earn", "ran": "", "pre": "per", "min-spend": "min_spend", "minspend": "min_spend",
		"effective": "effective_from", "xyz": "", "stpes": "steps", "itmes": "items", "reward": "",
	}
	for written, want := range tests {
		if got := yamlpos.Nearest(written, known); got != want {
			t.Errorf("%s: got %q, want %q", written, got, want)
		}
	}
}

// TestHostileFilesEndSoon feeds texts that make a parser recurse, follow aliases or compare every key with every
// other one.
func TestHostileFilesEndSoon(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for i := 'b'; i < 'k'; i++ {
		p := string(i - 1)
		bomb += fmt.Sprintf("%c: &%c [*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s,*%s]\n", i, i, p, p, p, p, p, p, p, p, p)
	}
	var steps strings.Builder
	for i := range 1000 {
		steps.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	tests := map[string]string{
		"alias bomb": bomb, "steps": steps.String(),
		"brackets": "a: " + strings.Repeat("[", 100_000), "braces": "a: " + strings.Repeat("{a: ", 100_000),
		"closed brackets": "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"dashes":          strings.Repeat("- ", 100_000) + "x", "questions": strings.Repeat("? ", 100_000),
		"colons": strings.Repeat("a: ", 100_000), "tags": "a: " + strings.Repeat("!a ", 100_000),
		"words": "a: [" + strings.Repeat("a,", 500_000) + "]", "large": strings.Repeat("# x\n", 600_000),
		"documents": strings.Repeat("---\na: 1\n", 20_000),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if doc, faults := yamlpos.Parse("f.yaml", []byte(text)); doc != nil || len(faults) == 0 {
				t.Error("was read")
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}
