package load

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// statements holds the text of sql/*.sql by "<file>/<name>".
var statements = func() map[string]string {
	out := map[string]string{}
	entries, err := sqlFiles.ReadDir("sql")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		text, err := sqlFiles.ReadFile("sql/" + e.Name())
		if err != nil {
			panic(err)
		}
		for _, part := range strings.Split(string(text), "-- name: ")[1:] {
			name, body, _ := strings.Cut(part, "\n")
			out[strings.TrimSuffix(e.Name(), ".sql")+"/"+name] = strings.TrimSuffix(strings.TrimSpace(withoutComments(body)), ";")
		}
	}
	return out
}()

// withoutComments leaves the lines that run: what is filled into a comment could end it with a line of its own.
func withoutComments(sql string) string {
	var out []string
	for line := range strings.Lines(sql) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// filler puts a dataset's names into the statements.
type filler struct {
	ds    *schemas.Dataset
	where map[string]string
}

// newFiller prepares the statements for a delivery's load of a dataset. d and s are the delivery's date and the
// load's number as SQL.
func newFiller(ds *schemas.Dataset, d, s string) *filler {
	keys := ds.Keys()
	own := make([]string, 0, len(ds.Columns()))
	for _, c := range ds.Columns() {
		own = append(own, warehouse.Ident(c.Name))
	}
	withdrawn := keys[0]
	if ds == schemas.Returns {
		withdrawn = "transaction_id"
	}
	var ends, befores []string
	for i, k := range keys {
		ends, befores = append(ends, fmt.Sprintf("end_%d", i)), append(befores, fmt.Sprintf("lag(%s) OVER () AS end_%d", k, i))
	}
	return &filler{ds: ds, where: map[string]string{
		"t": ds.Name, "h": ds.HistoryTable(), "d": d, "s": s, "lost": "load_lost_" + ds.Name,
		"keys": strings.Join(keys, ", "), "columns": strings.Join(own, ", "), "dataset": warehouse.Literal(ds.Name),
		"withdrawn key": "l." + withdrawn, "falls": falls(keys), "ends": strings.Join(ends, ", "),
		"befores": strings.Join(befores, ", "), "updated": updated(ds), "hashes": hashes(ds, fieldMember),
	}}
}

// hashes are what stands behind a dataset's own columns, with a comma before it; member is whose purchase a row is.
func hashes(ds *schemas.Dataset, member string) string {
	if ds != schemas.Transactions {
		return ""
	}
	return ", " + warehouse.Hash(member)
}

// falls is true for a row whose key is not greater than that of the row before it.
func falls(keys []string) string {
	out := "false"
	for i := len(keys) - 1; i >= 0; i-- {
		k, before := keys[i], fmt.Sprintf("lag(%s) OVER ()", keys[i])
		if i == len(keys)-1 {
			out = fmt.Sprintf("%s <= %s", k, before)
			continue
		}
		out = fmt.Sprintf("%s < %s OR %s = %s AND (%s)", k, before, k, before, out)
	}
	return out
}

// updated is updated_at as an instant; a wall clock without offset is taken as UTC, as rows of one sender are alike.
func updated(ds *schemas.Dataset) string {
	if _, ok := ds.Field("updated_at"); !ok {
		return "NULL::BIGINT"
	}
	return "(updated_wall - coalesce(updated_offset, 0)::BIGINT * 1000000)"
}

// text returns the statement with all names filled in. Names with aliases are `{on a b}`: keys are equal,
// `{same a b}`: both rows say the same (F27), `{keys of a}` and `{columns of a}`. The alias t stands for the table.
func (f *filler) text(name string) string {
	sql, ok := statements[name]
	if !ok {
		panic("load: no statement " + name)
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(sql, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		var hole string
		hole, sql, _ = strings.Cut(rest, "}")
		b.WriteString(f.fill(hole))
	}
}

func (f *filler) fill(hole string) string {
	if text, ok := f.where[hole]; ok {
		return text
	}
	words := strings.Fields(hole)
	if len(words) != 3 {
		panic("load: nothing for {" + hole + "}")
	}
	a, b := f.alias(words[1]), f.alias(words[2])
	var parts []string
	switch words[0] {
	case "on":
		for _, k := range f.ds.Keys() {
			parts = append(parts, a+"."+k+" = "+b+"."+k)
		}
		if f.ds == schemas.Members {
			parts = append(parts, a+".delivery = "+b+".delivery") // F48
		}
		return strings.Join(parts, " AND ")
	case "same":
		for _, c := range f.ds.Columns() {
			if !strings.HasPrefix(c.Name, "updated_") {
				q := warehouse.Ident(c.Name)
				parts = append(parts, a+"."+q+" IS NOT DISTINCT FROM "+b+"."+q)
			}
		}
		return "(" + strings.Join(parts, " AND ") + ")"
	case "keys", "columns":
		list := f.where[words[0]]
		for _, c := range strings.Split(list, ", ") {
			parts = append(parts, b+"."+c)
		}
		return strings.Join(parts, ", ")
	}
	panic("load: nothing for {" + hole + "}")
}

func (f *filler) alias(word string) string {
	if word == "t" {
		return f.ds.Name
	}
	return word
}

// run executes the statements in order.
func (f *filler) run(ctx context.Context, db *warehouse.DB, names ...string) error {
	for _, name := range names {
		if _, err := db.Exec(ctx, f.text(name)); err != nil {
			return fmt.Errorf("%s (%s): %w", name, f.ds.Name, err)
		}
	}
	return nil
}

// count runs a statement that gives one number.
func (f *filler) count(ctx context.Context, db *warehouse.DB, name string) (n int64, err error) {
	if err = db.QueryRow(ctx, f.text(name)).Scan(&n); err != nil {
		err = fmt.Errorf("%s (%s): %w", name, f.ds.Name, err)
	}
	return n, err
}
