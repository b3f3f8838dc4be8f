package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// columns is the width that explanations are written for.
const columns = 100

// wrap writes a text in lines of at most 100 columns, each behind the indent.
func wrap(w io.Writer, indent, text string) { wrapLines(w, indent, indent, text) }

// wrapHanging writes a text behind a head, and its further lines below the text.
func wrapHanging(w io.Writer, head, text string) {
	wrapLines(w, head, strings.Repeat(" ", utf8.RuneCountInString(head)), text)
}

// glue stands for a blank at which no line is broken.
const glue = "\x00"

// joinUnbroken joins texts so that lines are broken between them only.
func joinUnbroken(texts []string, sep string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = strings.ReplaceAll(t, " ", glue)
	}
	return strings.Join(out, sep)
}

func wrapLines(w io.Writer, first, rest, text string) {
	line, used := first, utf8.RuneCountInString(first)
	empty := true
	for _, word := range strings.Fields(text) {
		word = strings.ReplaceAll(word, glue, " ")
		n := utf8.RuneCountInString(word)
		if !empty && used+1+n > columns {
			fmt.Fprintln(w, strings.TrimRight(line, " "))
			line, used, empty = rest, utf8.RuneCountInString(rest), true
		}
		if !empty {
			line, used = line+" ", used+1
		}
		line, used, empty = line+word, used+n, false
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}
