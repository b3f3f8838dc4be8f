package load

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/columnar"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// direct is how DuckDB takes in a Parquet file of native types by itself. The tests of a row say the same as
// checker's; rows that fail one are handed to the checker, which names the reason.
type direct struct {
	from    string   // the table function that reads the file
	fields  []int    // fields of the dataset that the file has
	tests   []string // conditions that are true for rows to be rejected; never null
	stored  []string // expressions for the dataset's stored columns, in order
	hashes  string   // what stands behind them
	asText  []string // expressions of fields as text for the checker, timestamps as microseconds
	class   []columnar.Class
	columns []string // names of the fields
}

// Forms of timestamps that typed columns are stored with: with T and six digits of fraction.
const (
	formWall    = 7 << 1
	formInstant = formWall | int(pipeline.FormZ)
)

// The first and the last microsecond that a four-digit year can write.
var (
	firstWall = int64(pipeline.MinDate) * 86400_000_000
	lastWall  = (int64(pipeline.MaxDate)+1)*86400_000_000 - 1
)

// planDirect decides whether DuckDB can read the file itself; nil where it cannot. Stores go row by row: their zones
// are no matter for SQL.
func planDirect(file File, src *columnar.Source, currencies []string) (*direct, []string, error) {
	places, extra, err := chooseColumns(file.Path, file.Dataset, src)
	if err != nil {
		return nil, nil, err
	}
	if file.Dataset == schemas.Stores {
		return nil, nil, nil
	}
	byField := map[int]columnar.SourceColumn{}
	folded := map[string]bool{} // DuckDB does not tell names apart by case
	for i, c := range src.Columns() {
		name := strings.ToLower(c.Name)
		if folded[name] || name == "file_row_number" {
			return nil, nil, nil
		}
		folded[name] = true
		if places[i] >= 0 {
			if !c.Native || !plainNumber(file.Dataset.Fields()[places[i]], c) {
				return nil, nil, nil
			}
			byField[places[i]] = c
		}
	}
	path, err := filepath.Abs(file.Path)
	if err != nil {
		return nil, nil, err
	}
	p := &direct{from: "read_parquet(" + warehouse.Literal(globSafe(path)) + ", file_row_number = true, hive_partitioning = false)"}
	p.build(file.Dataset, byField, currencies)
	return p, extra, nil
}

// plainNumber reports whether SQL can turn the column into ten-thousandths: finer decimals could round.
func plainNumber(f schemas.Field, c columnar.SourceColumn) bool {
	switch f.Kind {
	case schemas.KindMoney, schemas.KindSigned, schemas.KindQuantity:
		return c.Class == columnar.ClassInteger ||
			c.Class == columnar.ClassDecimal && c.Scale >= 0 && c.Scale <= pipeline.AmountPlaces
	case schemas.KindTimestamp:
		return c.Class == columnar.ClassWall || c.Class == columnar.ClassInstant
	case schemas.KindDay:
		return c.Class == columnar.ClassWall || c.Class == columnar.ClassInstant || c.Class == columnar.ClassDate
	case schemas.KindDate:
		return c.Class == columnar.ClassDate
	case schemas.KindTags:
		return c.Class == columnar.ClassText
	}
	return c.Class == columnar.ClassText || c.Class == columnar.ClassInteger
}

// globSafe keeps DuckDB from taking a path for a pattern.
func globSafe(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

func (p *direct) test(format string, args ...any) {
	p.tests = append(p.tests, "coalesce("+fmt.Sprintf(format, args...)+", false)")
}

func (p *direct) build(ds *schemas.Dataset, byField map[int]columnar.SourceColumn, currencies []string) {
	numbers := map[string]string{} // ten-thousandths by field
	for i, f := range ds.Fields() {
		if c, ok := byField[i]; ok {
			p.fields, p.class, p.columns = append(p.fields, i), append(p.class, c.Class), append(p.columns, f.Name)
			p.field(ds, f, c, numbers, currencies)
		} else {
			p.stored = append(p.stored, absentColumns(f)...)
		}
		if f.Name == fieldMember {
			p.hashes = hashes(ds, p.stored[len(p.stored)-1])
		}
	}
	for _, group := range partGroups {
		var terms []string
		for _, name := range group {
			if n, ok := numbers[name]; ok {
				terms = append(terms, "coalesce("+n+", 0)")
			}
		}
		if len(terms) > 0 {
			p.test("%s > %s", strings.Join(terms, " + "), numbers[fieldAmount])
		}
	}
}

// field adds what is tested and stored of a field that the file has.
func (p *direct) field(ds *schemas.Dataset, f schemas.Field, c columnar.SourceColumn, numbers map[string]string, currencies []string) {
	q := warehouse.Ident(c.Name)
	switch f.Kind {
	case schemas.KindMoney, schemas.KindSigned, schemas.KindQuantity:
		numbers[f.Name] = p.number(ds, f, c, q)
	case schemas.KindTimestamp, schemas.KindDay, schemas.KindDate:
		if c.Class == columnar.ClassDate {
			p.date(f, q)
		} else {
			p.timestamp(f, c, q)
		}
	default:
		p.word(ds, f, c, q, currencies)
	}
}

// absentColumns are the stored columns of a field that the file does not have.
func absentColumns(f schemas.Field) []string {
	var out []string
	for _, c := range f.Columns() {
		v := "NULL"
		if f.Default != "" {
			v = warehouse.Literal(f.Default)
			if n, reason := parseNumber([]byte(f.Default)); c.Type == "BIGINT" && reason == "" {
				v = strconv.FormatInt(n, 10)
			}
		}
		out = append(out, "CAST("+v+" AS "+c.Type+")")
	}
	return out
}

// number adds an amount's tests and column, and returns its ten-thousandths: null where it is null or too large.
func (p *direct) number(ds *schemas.Dataset, f schemas.Field, c columnar.SourceColumn, q string) string {
	most := int64(pipeline.MaxAmount / pipeline.Unit)
	limit := strconv.FormatInt(most, 10)
	wide := true
	if c.Class == columnar.ClassDecimal {
		wide = c.Precision-c.Scale >= maxWhole
		limit = fmt.Sprintf("CAST(%d AS DECIMAL(%d, %d))", most, c.Precision, c.Scale)
	}
	if wide {
		p.test("%s > %s OR %s < -%s", q, limit, q, limit)
	}
	switch {
	case f.Kind == schemas.KindSigned:
	case ds == schemas.Returns && f.Name == fieldAmount:
		p.test("%s <= 0", q)
	default:
		p.test("%s < 0", q)
	}
	if f.Required {
		p.test("%s IS NULL", q)
	}
	n := units(c, q)
	column := n
	if d, reason := parseNumber([]byte(f.Default)); reason == "" {
		column = fmt.Sprintf("coalesce(%s, %d)", n, d)
	}
	p.stored = append(p.stored, column)
	p.asText = append(p.asText, "CAST("+q+" AS VARCHAR)")
	return n
}

// units turns a column into ten-thousandths: null where it is null or too large. HUGEINT, which DECIMAL of more than
// 18 digits is, costs several times what BIGINT does, so that what fits goes the short way.
func units(c columnar.SourceColumn, q string) string {
	if c.Class == columnar.ClassInteger {
		return fmt.Sprintf("CASE WHEN %[1]s BETWEEN -%[2]d AND %[2]d THEN CAST(%[1]s AS BIGINT) * %[3]d END",
			q, int64(pipeline.MaxAmount/pipeline.Unit), int64(pipeline.Unit))
	}
	const narrow = 13 // digits that leave room for the five of 10000 within 18
	short := fmt.Sprintf("CAST(CAST(%s AS DECIMAL(%d, %d)) * CAST(%d AS DECIMAL(5, 0)) AS BIGINT)", q, narrow, c.Scale, int64(pipeline.Unit))
	if c.Precision <= narrow {
		return short
	}
	// DECIMAL(22, 4) holds whatever is not too large; what does not fit is null instead of an error.
	long := fmt.Sprintf("TRY_CAST(TRY_CAST(%s AS DECIMAL(22, 4)) * %d AS BIGINT)", q, int64(pipeline.Unit))
	limit := fmt.Sprintf("CAST(1%s AS DECIMAL(%d, %d))", strings.Repeat("0", narrow-int(c.Scale)), c.Precision, c.Scale)
	return fmt.Sprintf("CASE WHEN %[1]s < %[2]s AND %[1]s > -%[2]s THEN %[3]s ELSE %[4]s END", q, limit, short, long)
}

// date adds a column of type DATE, for fields that are dates or may be.
func (p *direct) date(f schemas.Field, q string) {
	p.test("%s < DATE '0001-01-01' OR %s > DATE '9999-12-31'", q, q)
	p.asText = append(p.asText, "CAST("+q+" AS VARCHAR)")
	if f.Kind == schemas.KindDate {
		p.stored = append(p.stored, q)
		return
	}
	p.stored = append(p.stored, fmt.Sprintf("CASE WHEN isfinite(%[1]s) THEN epoch_us(CAST(%[1]s AS TIMESTAMP)) END", q), "CAST(NULL AS INTEGER)",
		fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN %d END", q, pipeline.FormDateOnly))
}

// tags is what canonicalTags does: distinct, in order of bytes, white space around them cut, empty ones dropped. Cutting
// takes most of the time, so it is left to tags that hold more than visible ASCII.
func tags(q string) string {
	blanks := warehouse.Literal("\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000")
	list := func(tag string) string {
		return fmt.Sprintf("nullif(array_to_string(list_sort(list_distinct([%[2]s for x in string_split(%[1]s, ';') if %[2]s <> ''])), ';'), '')", q, tag)
	}
	return fmt.Sprintf(`CASE WHEN %[1]s = '' THEN NULL
		WHEN regexp_full_match(%[1]s, '[!-:<-~]+') THEN ';' || %[1]s || ';'
		WHEN regexp_full_match(%[1]s, '[!-~]+') THEN ';' || %[2]s || ';'
		ELSE ';' || %[3]s || ';' END`, q, list("x"), list("trim(x, "+blanks+")"))
}

func (p *direct) timestamp(f schemas.Field, c columnar.SourceColumn, q string) {
	wall := fmt.Sprintf("CASE WHEN isfinite(%s) THEN epoch_us(%s) END", q, q)
	if f.Required {
		p.test("%s IS NULL", q)
	}
	p.test("%[1]s IS NOT NULL AND (%[2]s IS NULL OR %[2]s < %[3]d OR %[2]s > %[4]d)", q, wall, firstWall, lastWall)
	offset, form := "CAST(NULL AS INTEGER)", formWall
	if c.Class == columnar.ClassInstant {
		offset, form = fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN 0 END", q), formInstant
	}
	p.stored = append(p.stored, wall, offset, fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN %d END", q, form))
	p.asText = append(p.asText, fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN coalesce(CAST(%s AS VARCHAR), 'infinity') END", q, wall))
}

func (p *direct) word(ds *schemas.Dataset, f schemas.Field, c columnar.SourceColumn, q string, currencies []string) {
	text := "nullif(" + q + ", '')"
	if c.Class == columnar.ClassInteger {
		q = "CAST(" + q + " AS VARCHAR)"
		text = q
	}
	if f.Required {
		p.test("%s IS NULL OR %s = ''", q, q)
	}
	allowed := ds.Statuses
	if f.Name == fieldCurrency {
		allowed = currencies
	}
	if f.Kind != schemas.KindStatus && f.Name != fieldCurrency {
		if c.Class == columnar.ClassText {
			p.test("contains(%s, chr(0))", q)
		}
	} else {
		list := []string{"''"}
		for _, a := range allowed {
			list = append(list, warehouse.Literal(a))
		}
		p.test("%s NOT IN (%s)", q, strings.Join(list, ", "))
	}
	if f.Kind == schemas.KindTags {
		text = tags(q)
	}
	if f.Default != "" {
		text = "coalesce(" + text + ", " + warehouse.Literal(f.Default) + ")"
	}
	p.stored = append(p.stored, text)
	p.asText = append(p.asText, q)
}

// rejected is the condition that a row is to be rejected.
func (p *direct) rejected() string { return strings.Join(p.tests, " OR ") }

// each calls fn with the rows of the file that meet a condition, as the checker takes them, in the file's order.
func (p *direct) each(ctx context.Context, db *warehouse.DB, ds *schemas.Dataset, where string,
	fn func(r *record, raw string) error) error {
	query := fmt.Sprintf("SELECT file_row_number + 1, %s FROM %s WHERE %s ORDER BY 1", strings.Join(p.asText, ", "), p.from, where)
	var r record
	cells := make([]sql.NullString, len(p.fields))
	dest := []any{&r.no}
	for i := range cells {
		dest = append(dest, &cells[i])
	}
	named := &columnsReader{names: p.columns, cells: make([][]byte, len(cells))}
	r.cells = make([][]byte, len(ds.Fields()))
	return db.Each(ctx, query, nil, dest, func() error {
		clear(r.cells)
		for i, f := range p.fields {
			named.cells[i] = p.cell(i, cells[i])
			r.cells[f] = named.cells[i]
		}
		return fn(&r, named.raw())
	})
}

// cell is a value as the readers of text give it.
func (p *direct) cell(i int, s sql.NullString) []byte {
	if !s.Valid {
		return nil
	}
	if p.class[i] != columnar.ClassWall && p.class[i] != columnar.ClassInstant {
		return []byte(s.String)
	}
	us, err := strconv.ParseInt(s.String, 10, 64)
	if err != nil {
		return []byte(s.String)
	}
	return columnar.TimestampText(time.UnixMicro(us), p.class[i] == columnar.ClassInstant)
}
