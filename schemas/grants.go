package schemas

import "github.com/apache/arrow/go/v15/arrow"

// Kinds of fields that only grants have.
const (
	KindInteger Kind = "integer" // a whole number
	KindPoints  Kind = "points"  // decimal with exactly the digits of its reward's scale, may be below zero
	KindInstant Kind = "instant" // RFC 3339 in UTC with Z; six digits of fraction where it is not zero
)

// GrantField is one column of a grant file.
type GrantField struct {
	Name     string
	Kind     Kind
	Nullable bool // absent: an empty cell in CSV, null elsewhere
	Empty    bool // an empty text is a value of its own
	Doc      string
}

// grantFields are the columns of a grant file, in order.
var grantFields = []GrantField{
	{Name: "grant_id", Kind: KindID, Doc: "`<program>/<rule>/<source_type>/<source_id>/<n>`; deduplicate on it"},
	{Name: "program", Kind: KindID, Doc: "the program that grants"},
	{Name: "program_version", Kind: KindInteger, Doc: "the version of the program that was in force"},
	{Name: "member_id", Kind: KindID, Doc: "who is granted"},
	{Name: "rule", Kind: KindID, Doc: "the rule that grants"},
	{Name: "reward", Kind: KindID, Doc: "what is granted: points, cashback, …"},
	{Name: "amount", Kind: KindPoints, Doc: "how much, signed"},
	{Name: "kind", Kind: KindText, Doc: "accrual, adjustment (above zero) or reversal (below zero)"},
	{Name: "source_type", Kind: KindText, Doc: "transaction, activity or birthday"},
	{Name: "source_id", Kind: KindID, Doc: "the transaction, the activity, or `<member>:<year>`"},
	{Name: "earned_at", Kind: KindInstant, Doc: "instant of the source"},
	{Name: "earned_on", Kind: KindDate, Doc: "business date of the source"},
	{Name: "posted_on", Kind: KindDate, Doc: "the date under which the grant is published"},
	{Name: "available_on", Kind: KindDate, Doc: "the first day on which it can be spent"},
	{Name: "expires_on", Kind: KindDate, Nullable: true, Doc: "the last day of validity; absent: never expires"},
	{Name: "reason", Kind: KindText, Empty: true,
		Doc: "empty for an accrual posted on its earned date, else what changed"},
}

var grantSchema = func() *arrow.Schema {
	fields := make([]arrow.Field, len(grantFields))
	for i, f := range grantFields {
		fields[i] = arrow.Field{Name: f.Name, Type: grantType(f.Kind), Nullable: f.Nullable,
			Metadata: arrow.MetadataFrom(map[string]string{metaKind: string(f.Kind), metaDoc: f.Doc})}
	}
	return arrow.NewSchema(fields, nil)
}()

func grantType(k Kind) arrow.DataType {
	switch k {
	case KindInteger:
		return arrow.PrimitiveTypes.Int32
	case KindPoints:
		return &arrow.Decimal128Type{Precision: 19, Scale: 4}
	case KindInstant:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case KindDate:
		return arrow.FixedWidthTypes.Date32
	}
	return arrow.BinaryTypes.String
}

// GrantFields returns the columns of a grant file, in order.
func GrantFields() []GrantField { return append([]GrantField(nil), grantFields...) }

// GrantColumns returns the names of the columns of a grant file, in order: the header of its CSV form.
func GrantColumns() []string {
	out := make([]string, len(grantFields))
	for i, f := range grantFields {
		out[i] = f.Name
	}
	return out
}

// GrantArrow returns the Arrow schema of a grant file. Rows are sorted by (member_id, earned_at, grant_id), texts by
// their bytes.
func GrantArrow() *arrow.Schema { return grantSchema }
