package schemas

import (
	"github.com/apache/arrow/go/v15/arrow"
)

// Kind says how the text of a field is read and how its value is stored.
type Kind string

// Kinds of fields. Ids and texts are kept exactly as written; an empty one is absent (NULL).
const (
	KindID        Kind = "id"        // text, exact; part of a key or a reference
	KindText      Kind = "text"      // text, exact
	KindMoney     Kind = "money"     // decimal, at most four places, at least zero; stored as ten-thousandths
	KindSigned    Kind = "signed"    // as money, but may be below zero
	KindQuantity  Kind = "quantity"  // as money: a number of units
	KindTimestamp Kind = "timestamp" // wall clock with or without offset, see F49
	KindDay       Kind = "day"       // YYYY-MM-DD, or a timestamp where the field allows a time
	KindDate      Kind = "date"      // YYYY-MM-DD
	KindStatus    Kind = "status"    // one of the dataset's statuses
	KindTags      Kind = "tags"      // `;` between, F56
	KindZone      Kind = "zone"      // IANA time zone
)

// Metadata keys of an export field.
const (
	metaKind     = "accrue.kind"
	metaRequired = "accrue.required"
	metaKey      = "accrue.key"
	metaDefault  = "accrue.default"
	metaDoc      = "accrue.doc"
)

// Dataset is the contract of one kind of export file.
type Dataset struct {
	Name     string // the prefix of its files and the name of its warehouse table
	Doc      string
	Statuses []string // allowed values of the status field, the first is the default; empty without one
	schema   *arrow.Schema
}

// Field is one column of a dataset.
type Field struct {
	Name     string
	Kind     Kind
	Required bool
	Key      bool   // part of the row's key
	Default  string // text that an absent value stands for, "" for none
	Doc      string
}

// Arrow returns the dataset's Arrow schema.
func (d *Dataset) Arrow() *arrow.Schema { return d.schema }

// Fields returns the dataset's columns in the order of the contract.
func (d *Dataset) Fields() []Field {
	out := make([]Field, 0, d.schema.NumFields())
	for _, f := range d.schema.Fields() {
		get := func(k string) string {
			if i := f.Metadata.FindKey(k); i >= 0 {
				return f.Metadata.Values()[i]
			}
			return ""
		}
		out = append(out, Field{
			Name: f.Name, Kind: Kind(get(metaKind)), Required: get(metaRequired) != "", Key: get(metaKey) != "",
			Default: get(metaDefault), Doc: get(metaDoc),
		})
	}
	return out
}

// Field returns the column with the name; ok is false where the contract has none.
func (d *Dataset) Field(name string) (f Field, ok bool) {
	for _, f := range d.Fields() {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// Keys returns the names of the columns that identify a row within one delivery.
func (d *Dataset) Keys() []string {
	var out []string
	for _, f := range d.Fields() {
		if f.Key {
			out = append(out, f.Name)
		}
	}
	return out
}

// arrowType is the type that a typed source (Parquet, Arrow) is expected to have; text is accepted everywhere.
func arrowType(k Kind) arrow.DataType {
	switch k {
	case KindMoney, KindSigned, KindQuantity:
		return &arrow.Decimal128Type{Precision: 19, Scale: 4}
	case KindTimestamp:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case KindDay, KindDate:
		return arrow.FixedWidthTypes.Date32
	}
	return arrow.BinaryTypes.String
}

func dataset(name, doc string, statuses []string, fields ...Field) *Dataset {
	af := make([]arrow.Field, len(fields))
	for i, f := range fields {
		m := map[string]string{metaKind: string(f.Kind), metaDoc: f.Doc}
		if f.Required {
			m[metaRequired] = "yes"
		}
		if f.Key {
			m[metaKey] = "yes"
		}
		if f.Default != "" {
			m[metaDefault] = f.Default
		}
		af[i] = arrow.Field{Name: f.Name, Type: arrowType(f.Kind), Nullable: !f.Required, Metadata: arrow.MetadataFrom(m)}
	}
	return &Dataset{Name: name, Doc: doc, Statuses: statuses, schema: arrow.NewSchema(af, nil)}
}

func key(name, doc string) Field {
	return Field{Name: name, Kind: KindID, Required: true, Key: true, Doc: doc}
}

func part(name, of string) Field {
	return Field{Name: name, Kind: KindMoney, Default: "0", Doc: "part of " + of + " that is " + name}
}

var orderStatuses = []string{"completed", "pending", "cancelled"}

// The datasets of a delivery (spec section 3).
var (
	Transactions = dataset("transactions", "One row per purchase.", orderStatuses,
		key("transaction_id", "the purchase"),
		Field{Name: "member_id", Kind: KindID, Doc: "who bought; empty: nobody known, counted, earns nothing"},
		Field{Name: "occurred_at", Kind: KindTimestamp, Required: true, Doc: "when it was bought"},
		Field{Name: "amount", Kind: KindMoney, Required: true, Doc: "total paid, all parts included"},
		Field{Name: "currency", Kind: KindText, Doc: "empty: the program's"},
		Field{Name: "store_id", Kind: KindID, Doc: "where"},
		Field{Name: "channel", Kind: KindText, Doc: "free text, for conditions"},
		Field{Name: "status", Kind: KindStatus, Default: "completed", Doc: "only completed ones count"},
		part("tax", "amount"), part("shipping", "amount"), part("tip", "amount"),
		part("gift_card", "amount"), part("store_credit", "amount"),
		Field{Name: "updated_at", Kind: KindTimestamp, Doc: "decides between differing rows of one delivery"},
	)
	Items = dataset("items", "One row per line of a purchase.", nil,
		key("transaction_id", "the purchase"),
		key("line_no", "the line; matches exactly"),
		Field{Name: "item_id", Kind: KindID, Required: true, Doc: "the article or service"},
		Field{Name: "category", Kind: KindText, Doc: "for item filters"},
		Field{Name: "brand", Kind: KindText, Doc: "for item filters"},
		Field{Name: "quantity", Kind: KindQuantity, Default: "1", Doc: "units"},
		Field{Name: "amount", Kind: KindSigned, Required: true, Doc: "net of the line; below zero for a discount line"},
	)
	Returns = dataset("returns", "One row per refund.", nil,
		key("return_id", "the refund"),
		Field{Name: "transaction_id", Kind: KindID, Required: true, Doc: "the purchase that it refunds"},
		Field{Name: "line_no", Kind: KindID, Doc: "the line that it refunds; empty: spread over all lines"},
		Field{Name: "amount", Kind: KindMoney, Required: true, Doc: "what was paid back, above zero, all parts included"},
		Field{Name: "quantity", Kind: KindQuantity, Doc: "units of the line that came back; empty: see F18"},
		part("tax", "amount"), part("shipping", "amount"), part("tip", "amount"),
		part("gift_card", "amount"), part("store_credit", "amount"),
		Field{Name: "occurred_at", Kind: KindTimestamp, Required: true, Doc: "when it was refunded"},
	)
	Activities = dataset("activities", "One row per thing that a member did.", orderStatuses,
		key("activity_id", "the activity"),
		Field{Name: "member_id", Kind: KindID, Required: true, Doc: "who did it"},
		Field{Name: "type", Kind: KindText, Required: true, Doc: "free text: signup, review, social_follow, …"},
		Field{Name: "occurred_at", Kind: KindTimestamp, Required: true, Doc: "when"},
		Field{Name: "subject", Kind: KindText, Doc: "the tag, platform, code, product or referred member"},
		Field{Name: "value", Kind: KindText, Doc: "for rules that earn the row's own value"},
		Field{Name: "store_id", Kind: KindID, Doc: "where"},
		Field{Name: "status", Kind: KindStatus, Default: "completed", Doc: "only completed ones count"},
	)
	Members = dataset("members", "One row per member, versioned by delivery date.", []string{"active", "closed"},
		key("member_id", "the member"),
		Field{Name: "tier", Kind: KindText, Doc: "the member's tier"},
		Field{Name: "birth_date", Kind: KindDate, Doc: "date of birth"},
		Field{Name: "joined_at", Kind: KindDay, Doc: "date of joining; a timestamp becomes a business date"},
		Field{Name: "status", Kind: KindStatus, Default: "active", Doc: "closed members earn nothing"},
		Field{Name: "tags", Kind: KindTags, Doc: "`;` between"},
	)
	Stores = dataset("stores", "One row per store.", nil,
		key("store_id", "the store"),
		Field{Name: "time_zone", Kind: KindZone, Doc: "IANA name, for programs with `day: store`"},
		Field{Name: "region", Kind: KindText, Doc: "for conditions"},
	)
)

// Datasets lists all export datasets in the order in which they load.
var Datasets = []*Dataset{Transactions, Items, Returns, Activities, Members, Stores}

// RejectReason says why a row was not accepted; of several the first in the list RejectReasons holds (F50).
type RejectReason string

// RejectReasons are in the order of F50.
var RejectReasons = []RejectReason{
	"bad_row", "missing_key", "bad_timestamp", "bad_number", "too_many_places", "number_too_large",
	"negative_amount", "unknown_currency", "bad_status", "parts_exceed_amount", "conflicting_rows",
}
