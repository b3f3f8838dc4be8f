package load

import (
	"fmt"
	"math"
	"strings"

	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// stretch is a part of a file that DuckDB can read: the rows with numbers from first to last, both included. It is read
// without what stands before and behind it.
type stretch struct {
	file        *taken
	first, last int64
}

// whole is all of a file.
func whole(f *taken) stretch { return stretch{f, math.MinInt64, math.MaxInt64} }

// halved parts files into two lists of about as many rows each, in their order.
func halved(files []*taken) (first, second []stretch) {
	var half, before int64
	for _, f := range files {
		half += f.read
	}
	half /= 2
	for _, f := range files {
		a, b := whole(f), whole(f)
		switch at := half - before; {
		case at >= f.read:
			first = append(first, a)
		case at <= 0:
			second = append(second, b)
		default:
			a.last, b.first = at, at+1
			first, second = append(first, a), append(second, b)
		}
		before += f.read
	}
	return first, second
}

// from is what DuckDB reads the file's rows from; number is the number of a row there.
func (t *taken) from() string {
	if t.direct != nil {
		return t.direct.from
	}
	return parquetTable(t.spool)
}

func (t *taken) number() string {
	if t.direct != nil {
		return "file_row_number + 1"
	}
	return "row_no"
}

// conditions are those that a row of the file lies in the stretch. They are about a column as it stands in the file, so that
// other rows need not be unpacked.
func (s stretch) conditions() (out []string) {
	column, before := "row_no", int64(0)
	if s.file.direct != nil {
		column, before = "file_row_number", 1
	}
	if s.first > math.MinInt64 {
		out = append(out, fmt.Sprintf("%s >= %d", column, s.first-before))
	}
	if s.last < math.MaxInt64 {
		out = append(out, fmt.Sprintf("%s <= %d", column, s.last-before))
	}
	return out
}

// keys are the key columns of a row of the file as they are stored.
func (t *taken) keys() string {
	var out []string
	for _, k := range t.Dataset.Keys() {
		out = append(out, t.stored(k))
	}
	return strings.Join(out, ", ")
}

// stored is a column of a row of the file as it is stored.
func (t *taken) stored(column string) string {
	if t.direct != nil {
		for i, c := range t.Dataset.Columns() {
			if c.Name == column {
				return t.direct.stored[i]
			}
		}
	}
	return warehouse.Ident(column)
}

// accepted selects the accepted rows of the file that meet the conditions, as they are stored. lead are the columns before
// the row number.
func (t *taken) accepted(lead string, conditions ...string) string {
	columns := "*" + hashes(t.Dataset, fieldMember)
	if t.direct != nil {
		columns = t.number() + ", " + strings.Join(t.direct.stored, ", ") + t.direct.hashes
		conditions = append([]string{"NOT (" + t.direct.rejected() + ")"}, conditions...)
	}
	return fmt.Sprintf("SELECT %s, %s FROM %s%s", lead, columns, t.from(), where(conditions))
}

// keysOf selects number and keys of the rows of stretches that have keys. It does not look whether the rows are sound.
func keysOf(ds *schemas.Dataset, some []stretch) string {
	if len(some) == 0 {
		return fmt.Sprintf("SELECT file_id, row_no, %s FROM %s WHERE false", strings.Join(ds.Keys(), ", "), ds.Name)
	}
	return unionAll(some, func(s stretch) string {
		columns, conditions := []string{fmt.Sprintf("%d AS file_id", s.file.id), s.file.number() + " AS row_no"}, s.conditions()
		for _, k := range ds.Keys() {
			columns = append(columns, s.file.stored(k)+" AS "+k)
			if s.file.direct != nil {
				conditions = append(conditions, s.file.stored(k)+" IS NOT NULL")
			}
		}
		return fmt.Sprintf("SELECT %s FROM %s%s", strings.Join(columns, ", "), s.file.from(), where(conditions))
	})
}

func unionAll(some []stretch, query func(stretch) string) string {
	var parts []string
	for _, s := range some {
		parts = append(parts, query(s))
	}
	return strings.Join(parts, " UNION ALL ")
}

func where(conditions []string) string {
	if len(conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}
