package safetext

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCell(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "TX-1001": "TX-1001", "jcb/base/transaction/TX-1/1": "jcb/base/transaction/TX-1/1", "0012": "0012",
		"-5": "-5", "-12.50": "-12.50", "12.5": "12.5",
		"=1+1": "'=1+1", "+49 30": "'+49 30", "-5+cmd": "'-5+cmd", "@SUM(A1)": "'@SUM(A1)", "-": "'-",
		" =1": "' =1", "\"=1": "'\"=1", "'=1": "''=1", "\u00a0=1": "'\u00a0=1", "\u200b=1": "'\u200b=1", "“=1": "'“=1",
		"\t=1": `\t=1`, "\r=1": `\r=1`, "\n=1": `\n=1`, "\x00=1": `\x00=1`, "a\tb": `a\tb`,
		"＝1": "'＝1", "a;=1": "a;'=1", "a; @x;b": "a;' @x;b", "|calc": "'|calc", "Anna =": "Anna =", "a@b.c": "a@b.c",
	} {
		if got := Cell(text); got != want {
			t.Errorf("Cell(%q) is %q, want %q", text, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Zoë 日本 =1": "Zoë 日本 =1", "a\x1b[31mb": `a\x1b[31mb`, "a\x00b": `a\x00b`, "a\u202eb": `a\u202eb`, "a\x7f": `a\x7f`,
		"a\u009bb": `a\x9bb`, "a\xffb": `a\xffb`, "a\ufffdb": "a\ufffdb", "a\r\nb": `a\r\nb`, "\u2028": `\u2028`,
	} {
		if got := Line(text); got != want {
			t.Errorf("Line(%q) is %q, want %q", text, got, want)
		}
	}
}

func TestShown(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\n": "a\tb\n", "\x1b[1mBold\x1b[0m\n": "\x1b[1mBold\x1b[0m\n", "\x1b[8mhidden\x1b[2J": `\u001b[8mhidden\u001b[2J`,
		"{\"id\": \"a\u202eb\u009b\"}\n": `{"id": "a\u202eb\u009b"}` + "\n", "a\rb\x00": `a\u000db\u0000`, "a\xff": `a\u00ff`,
	} {
		if got := Shown(text); got != want {
			t.Errorf("Shown(%q) is %q, want %q", text, got, want)
		}
	}
}

// Hostile makes texts that would be run: a sign behind blanks, quotes and control characters, in any mix.
func hostile(r *rand.Rand) string {
	before := []string{"", " ", "\t", "\r", "\n", "\x00", "\"", "'", "\u00a0", "\ufeff", "\v", "\f", "\u3000", "a;", "“", "\\"}
	var b strings.Builder
	for range r.IntN(4) {
		b.WriteString(before[r.IntN(len(before))])
	}
	b.WriteString([]string{"=", "+", "-", "@", "＝", "＋", "－", "＠"}[r.IntN(8)])
	b.WriteString([]string{"cmd|' /C calc'!A0", "1+1", "SUM(A1:A9)", "HYPERLINK(\"http://x\")", "", "x\x1b]0;t\a", "5;=1", "\u202e"}[r.IntN(8)])
	return b.String()
}

// Ten thousand hostile cells: none is live, by a rule of its own that looks at every place where a cell can begin.
func TestHostileCells(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 5))
	for range 10_000 {
		text := hostile(r)
		got := Cell(text)
		for part := range strings.SplitSeq(got, ";") {
			trimmed := strings.TrimLeft(part, " \"`´\\\u00a0\ufeff\u3000“")
			if trimmed == "" || trimmed[0] == '\'' {
				continue
			}
			first, _ := utf8.DecodeRuneInString(trimmed)
			if strings.ContainsRune("=+-@＝＋－＠", first) && !number(part) {
				t.Errorf("Cell(%q) is %q: live", text, got)
			}
		}
		if strings.IndexFunc(got, obeyed) >= 0 {
			t.Errorf("Cell(%q) is %q: it holds control characters", text, got)
		}
	}
}
