package explain

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"accrue/pipeline/warehouse"
)

// NotFoundError says that no row that holds has the id.
type NotFoundError struct {
	What  string // transaction, activity, member or birthday
	ID    string
	Notes []string // rejected rows that name it, rows that wait for it
	Is    string   // what has the id instead: transaction, activity or member; empty for nothing
	Near  []string // ids that look like it

	Advice string // what to do instead, where none of this applies
}

// Error says what was not found.
func (e *NotFoundError) Error() string {
	msg := fmt.Sprintf("no %s %s", e.What, e.ID)
	for _, n := range e.Notes {
		msg += "\n  " + n
	}
	return msg
}

// Hint names what has the id, or ids that look like the one that was asked for.
func (e *NotFoundError) Hint() string {
	switch {
	case e.Is == "member":
		return fmt.Sprintf("there is a member %s: `accrue explain member %s --date YYYY-MM-DD`", e.ID, e.ID)
	case e.Is != "":
		return fmt.Sprintf("%s is the id of %s: `accrue explain %s %s`", e.ID, withArticle(e.Is), e.Is, e.ID)
	case len(e.Near) > 0:
		return "did you mean " + strings.Join(e.Near, " or ") + "?"
	}
	return e.Advice
}

func withArticle(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}

// idPlaces are where ids of each kind stand. The first place of a kind is where ids that look alike are sought.
var idPlaces = []struct{ what, table, column, dataset string }{
	{"transaction", "transactions", "transaction_id", "transactions"},
	{"activity", "activities", "activity_id", "activities"},
	{"member", "members", "member_id", "members"},
	{"member", "transactions", "member_id", "transactions"},
	{"member", "activities", "member_id", "activities"},
}

// missing makes the answer to an id that is not there: what has it instead, ids that look alike, rejected rows that
// name it, rows that wait for it.
func missing(ctx context.Context, db *warehouse.DB, what, id string) error {
	e := &NotFoundError{What: what, ID: id}
	for _, p := range idPlaces {
		if err := e.lookIn(ctx, db, p.what, p.table, p.column, p.dataset); err != nil {
			return err
		}
	}
	if what != "transaction" {
		return e
	}
	for _, waiting := range []struct{ table, says string }{{"items", "waits for it: a line"}, {"returns", "waits for it: a return"}} {
		var file, delivery string
		var row int64
		if err := db.Each(ctx, `SELECT f.name, CAST(w.delivery AS VARCHAR), w.row_no FROM `+waiting.table+` w
			JOIN files f ON f.file_id = w.file_id WHERE transaction_id = ? ORDER BY w.delivery, f.name, w.row_no`+
			fmt.Sprintf(" LIMIT %d", near), []any{id}, []any{&file, &delivery, &row}, func() error {
			e.Notes = append(e.Notes, fmt.Sprintf("date=%s/%s, row %d %s of a transaction that has not come",
				delivery, file, row, waiting.says))
			return nil
		}); err != nil {
			return err
		}
	}
	return e
}

// lookIn asks one place.
func (e *NotFoundError) lookIn(ctx context.Context, db *warehouse.DB, what, table, column, dataset string) error {
	if what != e.What {
		var there bool
		err := db.QueryRow(ctx, `SELECT count(*) > 0 FROM `+table+` WHERE `+column+` = ?`, e.ID).Scan(&there)
		if there && e.Is == "" {
			e.Is = what
		}
		return err
	}
	rejected, err := rejectedRows(ctx, db, []string{dataset}, e.ID)
	if err != nil {
		return err
	}
	for _, r := range rejected {
		e.Notes = append(e.Notes, fmt.Sprintf("date=%s/%s, row %d, which names it, was rejected: %s", r.Delivery, r.File, r.Row, r.What))
	}
	if len(e.Near) > 0 {
		return nil
	}
	var rows int64
	if err := db.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&rows); err != nil {
		return err
	}
	query := `SELECT DISTINCT ` + column + `, levenshtein(lower(` + column + `), lower(?1)) AS far FROM ` + table + `
		WHERE abs(length(` + column + `) - length(?1)) <= 2 AND levenshtein(lower(` + column + `), lower(?1)) <= ?2`
	args := []any{e.ID, max(1, min(2, len(e.ID)/3))}
	if rows > mostDistances {
		query, args = fmt.Sprintf("SELECT DISTINCT %s, 1 AS far FROM %s WHERE %[1]s IN (%[3]s)", column, table, literals(slips(e.ID))), nil
	}
	var text string
	return db.Each(ctx, query+" ORDER BY far, "+column+fmt.Sprintf(" LIMIT %d", near), args, []any{&text, new(int64)}, func() error {
		e.Near = append(e.Near, text)
		return nil
	})
}

// mostDistances is how many ids are held against one that is not there, letter by letter: a second for some five million.
// Of more, those are looked up that one slip turns into it. A variable for tests.
var mostDistances int64 = 5_000_000

// slips are the ids from which one slip of a finger leads to id: a character too few, too many, in the place of another
// or before the one that it belongs after, and the case of all of them. Characters are digits, the hyphen
// and those that the id has.
func slips(id string) []string {
	letters := []rune(id)
	alphabet := []rune("0123456789-")
	for _, r := range letters {
		if !slices.Contains(alphabet, r) {
			alphabet = append(alphabet, r)
		}
	}
	out := map[string]bool{strings.ToUpper(id): true, strings.ToLower(id): true}
	for i := range len(letters) + 1 {
		before, after := string(letters[:i]), letters[i:]
		for _, r := range alphabet {
			out[before+string(r)+string(after)] = true
			if len(after) > 0 {
				out[before+string(r)+string(after[1:])] = true
			}
		}
		if len(after) > 0 {
			out[before+string(after[1:])] = true
		}
		if len(after) > 1 {
			out[before+string(after[1])+string(after[0])+string(after[2:])] = true
		}
	}
	delete(out, id)
	delete(out, "")
	return slices.Sorted(maps.Keys(out))
}
