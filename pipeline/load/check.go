package load

import (
	"bytes"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"accrue/pipeline"
	"accrue/pipeline/columnar"
	"accrue/schemas"
)

// Reasons why a row is rejected, see schemas.RejectReasons.
const (
	badRow            schemas.RejectReason = "bad_row"
	missingKey        schemas.RejectReason = "missing_key"
	badTimestamp      schemas.RejectReason = "bad_timestamp"
	badNumber         schemas.RejectReason = "bad_number"
	tooManyPlaces     schemas.RejectReason = "too_many_places"
	numberTooLarge    schemas.RejectReason = "number_too_large"
	negativeAmount    schemas.RejectReason = "negative_amount"
	unknownCurrency   schemas.RejectReason = "unknown_currency"
	badStatus         schemas.RejectReason = "bad_status"
	partsExceedAmount schemas.RejectReason = "parts_exceed_amount"
	conflictingRows   schemas.RejectReason = "conflicting_rows"
)

// reasonPlace is the place of each reason in F50: of several faults of a row the first is given.
var reasonPlace = func() map[schemas.RejectReason]int {
	out := map[schemas.RejectReason]int{}
	for i, r := range schemas.RejectReasons {
		out[r] = i
	}
	return out
}()

// Fields that mean more than their kind says.
const (
	fieldAmount   = "amount"
	fieldCurrency = "currency"
	fieldMember   = "member_id"
)

// partGroups are the parts of an amount; each group by itself must not exceed it (F2).
var partGroups = [][]string{{"tax", "shipping", "tip"}, {"gift_card", "store_credit"}}

// value is one stored column of a row.
type value struct {
	null bool
	text []byte // of a VARCHAR column
	num  int64  // of any other
}

// checker checks the rows of one file and turns them into stored columns.
type checker struct {
	ds         *schemas.Dataset
	fields     []schemas.Field
	at         []int     // first stored column of each field
	none       [][]value // what is stored of each field that has no value
	amount     int       // field, -1 for none
	groups     [][]int
	positive   bool // the amount must be above zero (returns, F50)
	status     int  // field of an acknowledgement's status, -1 for other datasets
	refused    bool // the row says that a grant was rejected: it may lack the amount
	currencies map[string]bool
	zones      map[string]bool
	out        []value
	tags       []byte
	worst      schemas.RejectReason
	detail     string
	total      total
}

func newChecker(ds *schemas.Dataset, currencies []string) *checker {
	c := &checker{ds: ds, fields: ds.Fields(), amount: -1, positive: ds == schemas.Returns, status: -1,
		currencies: map[string]bool{}, zones: map[string]bool{}}
	place := map[string]int{}
	n := 0
	for i, f := range c.fields {
		c.at = append(c.at, n)
		c.none = append(c.none, valuesOfNone(&f))
		n += len(f.Columns())
		place[f.Name] = i
		if f.Name == fieldAmount {
			c.amount = i
		}
		if f.Kind == schemas.KindStatus && f.Required {
			c.status = i
		}
	}
	c.out = make([]value, n)
	for _, names := range partGroups {
		var group []int
		for _, name := range names {
			if i, ok := place[name]; ok {
				group = append(group, i)
			}
		}
		if len(group) > 0 {
			c.groups = append(c.groups, group)
		}
	}
	for _, cur := range currencies {
		c.currencies[cur] = true
	}
	return c
}

// fault notes a fault of the row; the first in the order of F50 stays.
func (c *checker) fault(reason schemas.RejectReason, f *schemas.Field, cell []byte) {
	if c.worst != "" && reasonPlace[c.worst] <= reasonPlace[reason] {
		return
	}
	c.worst, c.detail = reason, ""
	if f != nil {
		c.detail = detail(f.Name, string(cell))
	}
}

// mostDetail, in bytes, is how much of a value is told.
const mostDetail = 200

// detail says which value is to blame.
func detail(field, cell string) string { return field + "=" + clip(cell, mostDetail) }

// check reads a row into c.out. It returns why the row is rejected, "" where it is accepted.
func (c *checker) check(r *record) (reason schemas.RejectReason, why string) {
	c.worst, c.detail = "", ""
	if r.bad != "" {
		return badRow, clip(r.bad, mostDetail)
	}
	c.refused = c.status >= 0 && string(r.cells[c.status]) == schemas.AckRejected
	for i := range c.fields {
		f, cell := &c.fields[i], r.cells[i]
		if !r.clean && (!utf8.Valid(cell) || bytes.IndexByte(cell, 0) >= 0) {
			c.fault(badRow, f, cell)
		}
		c.field(i, f, cell)
	}
	if c.worst == "" {
		c.parts(r)
	}
	return c.worst, c.detail
}

func (c *checker) field(i int, f *schemas.Field, cell []byte) {
	out := c.out[c.at[i]:]
	if len(cell) == 0 {
		copy(out, c.none[i])
		c.absent(f)
		if i == c.amount && f.Required && !c.refused {
			c.fault(badNumber, f, cell)
		}
		return
	}
	switch f.Kind {
	case schemas.KindMoney, schemas.KindSigned, schemas.KindQuantity:
		c.number(i, f, cell, &out[0])
	case schemas.KindTimestamp, schemas.KindDay:
		parse := pipeline.ParseTimestamp
		if f.Kind == schemas.KindDay {
			parse = pipeline.ParseDay
		}
		ts, err := parse(string(cell))
		if err != nil {
			c.fault(badTimestamp, f, cell)
		}
		out[0] = value{num: ts.Wall}
		out[1] = value{num: int64(ts.Offset), null: !ts.HasOffset}
		out[2] = value{num: int64(ts.Form)}
	case schemas.KindDate:
		d, err := pipeline.ParseDate(string(cell))
		if err != nil {
			c.fault(badTimestamp, f, cell)
		}
		out[0] = value{num: int64(d)}
	case schemas.KindTags:
		c.tags = canonicalTags(c.tags[:0], cell)
		out[0] = value{text: c.tags, null: len(c.tags) == 0}
	default:
		c.word(f, cell)
		out[0] = value{text: cell}
	}
}

// valuesOfNone returns what is stored of a field without value.
func valuesOfNone(f *schemas.Field) []value {
	out := make([]value, len(f.Columns()))
	for i := range out {
		out[i].null = true
	}
	if f.Default != "" {
		out[0] = value{text: []byte(f.Default)}
		out[0].num, _ = parseNumber(out[0].text)
	}
	return out
}

// absent notes the fault of a field without value that must have one.
func (c *checker) absent(f *schemas.Field) {
	switch {
	case f.Required && f.Kind == schemas.KindTimestamp:
		c.fault(badTimestamp, f, nil)
	case f.Required && (f.Kind == schemas.KindID || f.Kind == schemas.KindText):
		c.fault(missingKey, f, nil)
	case f.Required && f.Kind == schemas.KindStatus:
		c.fault(badStatus, f, nil)
	}
}

func (c *checker) number(i int, f *schemas.Field, cell []byte, out *value) {
	v, reason := parseNumber(cell)
	switch {
	case reason != "":
		c.fault(reason, f, cell)
		if i == c.amount {
			c.total.addOdd(cell)
		}
	case v < 0 && f.Kind != schemas.KindSigned, v == 0 && i == c.amount && c.positive:
		c.fault(negativeAmount, f, cell)
	}
	if reason == "" && i == c.amount {
		c.total.add(v)
	}
	*out = value{num: v}
}

// word checks texts of which only some are allowed.
func (c *checker) word(f *schemas.Field, cell []byte) {
	switch {
	case f.Kind == schemas.KindStatus && !slices.Contains(c.ds.Statuses, string(cell)):
		c.fault(badStatus, f, cell)
	case f.Name == fieldCurrency && !c.currencies[string(cell)]:
		c.fault(unknownCurrency, f, cell)
	case f.Kind == schemas.KindZone && !c.zone(string(cell)):
		c.fault(badRow, f, cell) // F44
	}
}

// zone reports whether a time zone exists. Only names of the time zone database are taken: what else the function
// finds on some machines ("Local", paths, copies with leap seconds) means something else elsewhere.
func (c *checker) zone(name string) bool {
	known, ok := c.zones[name]
	if !ok {
		_, err := time.LoadLocation(name)
		known = err == nil && zoneName(name)
		c.zones[name] = known
	}
	return known
}

func zoneName(name string) bool {
	for _, other := range []string{"Local", "localtime", "posixrules", "posix/", "right/"} {
		if strings.HasPrefix(name, other) {
			return false
		}
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/_+-", r))
	})
}

// parts holds the parts of an amount against it, each group by itself (F2, F17).
func (c *checker) parts(r *record) {
	for _, group := range c.groups {
		sum := int64(0) // at most three of 10^18
		for _, i := range group {
			sum += c.out[c.at[i]].num
		}
		if sum > c.out[c.at[c.amount]].num {
			c.fault(partsExceedAmount, &c.fields[c.amount], r.cells[c.amount])
		}
	}
}

// canonicalTags appends the tags as they are stored: distinct, in order of bytes, `;` around each (F56); nothing where
// there are none.
func canonicalTags(dst, cell []byte) []byte {
	var tags []string
	for _, tag := range strings.Split(string(cell), ";") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	tags = slices.Compact(tags)
	for i, tag := range tags {
		if i == 0 {
			dst = append(dst, ';')
		}
		dst = append(append(dst, tag...), ';')
	}
	return dst
}

// write appends the checked row's stored columns to the writer, from column first on.
func (c *checker) write(w *columnar.RowWriter, first int, text []bool) {
	for i := range c.out {
		switch v := &c.out[i]; {
		case v.null:
			w.Null(first + i)
		case text[i]:
			w.Text(first+i, v.text)
		default:
			w.Int(first+i, v.num)
		}
	}
}
