package yamlpos

import (
	"fmt"
	"strings"
)

// Nearest returns the known name that is closest to what was written, "" where none is close enough to be meant.
// Case, and the choice between `-` and `_`, count for nothing.
func Nearest(written string, known []string) string {
	w := fold(written)
	best, bestDistance := "", max(len(w)/3, 1)
	for _, k := range known {
		f := fold(k)
		d := distance(w, f, bestDistance)
		if short := min(len(w), len(f)); short >= 3 && (strings.HasPrefix(f, w) || strings.HasPrefix(w, f)) {
			d = min(d, 1)
		}
		if d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = k, d
		}
	}
	return best
}

// Meant returns the hint for an unknown name: the nearest known one, or else all of them.
func Meant(written string, known []string) string {
	if near := Nearest(written, known); near != "" {
		return fmt.Sprintf("did you mean %s?", Quote(near))
	}
	if len(known) == 0 || len(known) > maxListed {
		return "check the spelling"
	}
	return "known here: " + strings.Join(known, ", ")
}

// maxListed is how many names are still worth listing in a hint.
const maxListed = 24

func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// distance is the number of single edits (insert, drop, change, swap of neighbours) between two texts. Beyond the
// limit it only says that it is more.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > limit || len(y)-len(x) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
