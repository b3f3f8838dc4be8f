package cases

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Format writes cases as a case file that Parse reads back.
func Format(list ...Case) string {
	var b strings.Builder
	b.WriteString("cases:\n")
	for _, c := range list {
		fmt.Fprintf(&b, "  - name: %s\n", quoted(c.Name))
		if len(c.Covers) > 0 {
			fmt.Fprintf(&b, "    covers: [%s]\n", words(c.Covers))
		}
		formatPrograms(&b, c)
		if c.Rules != nil {
			fmt.Fprintf(&b, "    rules: [%s]\n", words(c.Rules))
		}
		b.WriteString("    deliveries:\n")
		for _, d := range c.Deliveries {
			if len(d.Files) == 0 {
				fmt.Fprintf(&b, "      %s: {}\n", d.Date)
				continue
			}
			fmt.Fprintf(&b, "      %s:\n", d.Date)
			for _, f := range d.Files {
				writeText(&b, 8, f.Name, f.Text)
			}
		}
		runs := make([]string, len(c.Run))
		for i, d := range c.Run {
			runs[i] = d.String()
		}
		fmt.Fprintf(&b, "    run: [%s]\n", strings.Join(runs, ", "))
		if c.Expect != nil {
			writeText(&b, 4, "expect", c.Expect.Text)
		}
		if c.Grants != nil {
			b.WriteString("    grants:\n")
			for _, d := range slices.Sorted(maps.Keys(c.Grants)) {
				writeText(&b, 6, d.String(), c.Grants[d].Text)
			}
		}
		if c.Rejects != nil {
			writeText(&b, 4, "rejects", c.Rejects.Text)
		}
	}
	return b.String()
}

// formatPrograms writes the programs of a case, or the names of those that are the project's.
func formatPrograms(b *strings.Builder, c Case) {
	if len(c.Programs) == 0 && len(c.Families) > 0 {
		ids := make([]string, len(c.Families))
		for i, f := range c.Families {
			ids[i] = f.ID
		}
		fmt.Fprintf(b, "    programs: [%s]\n", words(ids))
		return
	}
	b.WriteString("    programs:\n")
	for _, p := range c.Programs {
		writeText(b, 6, p.Name, p.Text)
	}
}

// writeText writes a key with a text: as a block of lines where YAML keeps it as it is, else between quotes.
func writeText(b *strings.Builder, indent int, key, text string) {
	margin, key := strings.Repeat(" ", indent), word(key)
	if !blockable(text) {
		fmt.Fprintf(b, "%s%s: %s\n", margin, key, quoted(text))
		return
	}
	fmt.Fprintf(b, "%s%s: |\n", margin, key)
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if line != "" {
			line = margin + "  " + line
		}
		b.WriteString(line + "\n")
	}
}

// plainWord is a text that YAML takes for nothing else.
var plainWord = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2}|[A-Za-z][A-Za-z0-9_.-]*)$`)

// word writes a short text, between quotes where it must be.
func word(s string) string {
	if plainWord.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(s)) {
		return s
	}
	return quoted(s)
}

func words(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = word(s)
	}
	return strings.Join(out, ", ")
}

// blockable reports whether a literal block keeps the text: it ends in one line break, no line begins or ends with a
// blank, and nothing in it is invisible.
func blockable(text string) bool {
	lines := strings.Split(text, "\n")
	if len(lines) < 2 || lines[len(lines)-1] != "" || lines[len(lines)-2] == "" {
		return false
	}
	if slices.ContainsFunc(lines[:1], func(l string) bool { return strings.TrimLeft(l, " \t") != l || l == "" }) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r == '\ufeff' || r == '\ufffd' })
}

// quoted writes a text between double quotes with the escapes that YAML and this reader share.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r == '\ufeff':
			b.WriteString(`\ufeff`)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// FormatTable writes records as CSV with the given columns, to stand under `expect`.
func FormatTable(columns []string, records []Record) string {
	var b strings.Builder
	write := func(cells []string) {
		for i, cell := range cells {
			if i > 0 {
				b.WriteByte(',')
			}
			if strings.ContainsAny(cell, ",\"\r\n") || cell != "" && (cell[0] == ' ' || len(cells) == 1) {
				cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
			}
			b.WriteString(cell)
		}
		b.WriteByte('\n')
	}
	write(columns)
	for _, r := range records {
		cells := make([]string, len(columns))
		for i, name := range columns {
			cells[i] = r[name]
		}
		write(cells)
	}
	return b.String()
}
