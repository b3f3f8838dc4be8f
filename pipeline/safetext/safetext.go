// Package safetext makes texts that others wrote harmless for the programs that people read them with. Names and ids
// come from deliveries: a spreadsheet would run what looks like a formula, and a terminal would obey control
// characters. Files for machines are never touched by it: there an id is what it is.
package safetext

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cell returns a text that no spreadsheet runs. A number stays a number. Control characters, tabs and line ends among
// them, are written out as by Line; what would begin a formula, at the start or behind a semicolon (where some
// spreadsheets part cells), gets an apostrophe before it. Blanks and quotes before the formula change nothing.
func Cell(s string) string {
	if plain(s) {
		return s
	}
	s = Line(s)
	parts := strings.Split(s, ";")
	for i, p := range parts {
		if live(p) && !number(p) {
			parts[i] = "'" + p
		}
	}
	return strings.Join(parts, ";")
}

// plain reports that nothing can be wrong with a text: most are.
func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '/' && i > 0 || c == '.' && i > 0 ||
			c == '_' || c == ' ' && i > 0 || (c == '-' || c == ':') && i > 0) {
			return false
		}
	}
	return true
}

// live reports whether a spreadsheet would take the text for a formula.
func live(s string) bool {
	s = strings.TrimLeftFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Zs, unicode.Pi, unicode.Pf) || strings.ContainsRune("\"'`´\\", r)
	})
	r, _ := utf8.DecodeRuneInString(s)
	return strings.ContainsRune("=+-@|%＝＋－＠−", r) && s != ""
}

// number reports whether a text is a decimal as accrue writes it.
func number(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, frac, dot := strings.Cut(s, ".")
	return digits(whole) && (!dot || digits(frac))
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// Shown returns a text of any number of lines as a terminal can show it. As Line, but line ends, tabs and the colours
// of accrue itself stay, and escapes are those of JSON, so that JSON stays what it says.
func Shown(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return obeyed(r) && r != '\n' }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == 0x1b && colour.MatchString(s[i:]):
			n = strings.IndexByte(s[i:], 'm') + 1
			b.WriteString(s[i : i+n])
		case !obeyed(r) || r == '\n' || r == '\t' || r == utf8.RuneError && n > 1:
			b.WriteString(s[i : i+n])
		case r == utf8.RuneError:
			fmt.Fprintf(&b, `\u%04x`, s[i])
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

var colour = regexp.MustCompile(`^\x1b\[(?:0|1|2|3[1-6])m`)

// Line returns a text that a terminal shows as it is: on one line, with control characters, marks that turn the
// direction of writing, and bytes that are no UTF-8 written out as escapes (\t, \n, \r, \x1b, \u202e).
func Line(s string) string {
	if strings.IndexFunc(s, obeyed) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case !obeyed(r):
			b.WriteRune(r)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == utf8.RuneError:
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// obeyed reports whether a terminal does something else with a rune than show it.
func obeyed(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || r == 0x61c || r >= 0x200e && r <= 0x200f ||
		r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
