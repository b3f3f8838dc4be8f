package schemas

import "strings"

// Column is one column of a warehouse table.
type Column struct{ Name, Type string }

// Columns returns how a field is stored:
//
//	id, text, status, zone  VARCHAR, NULL where empty
//	tags                    VARCHAR, canonical: sorted, distinct, `;a;b;`, NULL where there are none
//	money, signed, quantity BIGINT ten-thousandths, NULL only where absent without default
//	date                    DATE
//	timestamp, day          <stem>_wall BIGINT, microseconds of the wall clock as written, since 1970-01-01T00:00;
//	                        <stem>_offset INTEGER, seconds east of UTC, NULL where none was written;
//	                        <stem>_form UTINYINT, how it was written, so that the text can be had back; where the
//	                        stem is the field's name without "_at"
func (f Field) Columns() []Column {
	switch f.Kind {
	case KindMoney, KindSigned, KindQuantity:
		return []Column{{f.Name, "BIGINT"}}
	case KindDate:
		return []Column{{f.Name, "DATE"}}
	case KindTimestamp, KindDay:
		stem := strings.TrimSuffix(f.Name, "_at")
		return []Column{{stem + "_wall", "BIGINT"}, {stem + "_offset", "INTEGER"}, {stem + "_form", "UTINYINT"}}
	}
	return []Column{{f.Name, "VARCHAR"}}
}

// RowColumns are the columns that stand before a dataset's own in its fact table: the delivery that the row holds
// from, the load that brought this content and the one that first brought the key, and the place in its file.
var RowColumns = []Column{
	{"delivery", "DATE NOT NULL"},
	{"load_seq", "INTEGER NOT NULL"},  // load in which this content came to hold
	{"first_seq", "INTEGER NOT NULL"}, // load in which the key was first known
	{"file_id", "INTEGER NOT NULL"},
	{"row_no", "BIGINT NOT NULL"}, // records count from 1, the header not among them
}

// Columns returns the dataset's own stored columns, without RowColumns.
func (d *Dataset) Columns() []Column {
	var out []Column
	for _, f := range d.Fields() {
		out = append(out, f.Columns()...)
	}
	return out
}

// DDL returns the statement that creates a table of the given name with RowColumns and the dataset's columns.
//
// Ids are stored as they are: most of them are unique, and looking for a way to compress them takes more than half
// of the time that loading takes.
func (d *Dataset) DDL(table string) string {
	var defs []string
	for _, c := range RowColumns {
		defs = append(defs, `"`+c.Name+`" `+c.Type)
	}
	for _, f := range d.Fields() {
		for _, c := range f.Columns() {
			def := `"` + c.Name + `" ` + c.Type
			if f.Kind == KindID {
				def += " USING COMPRESSION uncompressed"
			}
			defs = append(defs, def)
		}
	}
	return "CREATE TABLE " + table + " (" + strings.Join(defs, ", ") + ")"
}
