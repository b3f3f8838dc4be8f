package warehouse

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// temps are the temporary tables and views of a session, in the order in which they were made. DuckDB could be asked for
// them, but parses all the views that it comes with before it answers, which takes longer than a small evaluation.
type temps struct{ made []temp }

type temp struct{ kind, name string }

var (
	makesTemp = regexp.MustCompile(`(?i)^\s*CREATE\s+(?:OR\s+REPLACE\s+)?TEMP(?:ORARY)?\s+(TABLE|VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+|"[^"]+")`)
	drops     = regexp.MustCompile(`(?i)^\s*DROP\s+(?:TABLE|VIEW)\s+(?:IF\s+EXISTS\s+)?(\w+|"[^"]+")`)
	comment   = regexp.MustCompile(`^\s*--[^\n]*\n`)
)

// ran notes what a statement has made or dropped.
func (t *temps) ran(statement string) {
	for comment.MatchString(statement) {
		_, statement, _ = strings.Cut(statement, "\n")
	}
	if m := makesTemp.FindStringSubmatch(statement); m != nil {
		name := strings.Trim(m[2], `"`)
		t.forget(name)
		t.made = append(t.made, temp{strings.ToUpper(m[1]), name})
	} else if m := drops.FindStringSubmatch(statement); m != nil {
		t.forget(strings.Trim(m[1], `"`))
	}
}

func (t *temps) forget(name string) {
	t.made = slices.DeleteFunc(t.made, func(m temp) bool { return m.name == name })
}

// DropTemps drops the session's temporary tables and views whose names are wanted, nil for all of them.
func (db *DB) DropTemps(ctx context.Context, wanted func(name string) bool) error {
	made := slices.Clone(db.temps.made)
	slices.Reverse(made)
	for _, m := range made {
		if wanted != nil && !wanted(m.name) {
			continue
		}
		if _, err := db.Exec(ctx, "DROP "+m.kind+" IF EXISTS "+Ident(m.name)); err != nil {
			return err
		}
	}
	return nil
}
