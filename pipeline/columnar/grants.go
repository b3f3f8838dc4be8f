package columnar

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"

	"accrue/pipeline"
)

// Grant is one row of a grant file.
type Grant = pipeline.Grant

// grantField says where a column of a grant file lives in a Grant: exactly one of the pointers is returned.
type grantField struct {
	text    func(*Grant) *string
	date    func(*Grant) *pipeline.Date
	amount  func(*Grant) *pipeline.Amount
	instant func(*Grant) *int64
	integer func(*Grant) *int32
	null    func(*Grant) *bool // true where the value is there; nil for columns that are never null
}

func textField(f func(*Grant) *string) grantField        { return grantField{text: f} }
func dateField(f func(*Grant) *pipeline.Date) grantField { return grantField{date: f} }

var grantFields = map[string]grantField{
	"grant_id":        textField(func(g *Grant) *string { return &g.GrantID }),
	"program":         textField(func(g *Grant) *string { return &g.Program }),
	"program_version": {integer: func(g *Grant) *int32 { return &g.ProgramVersion }},
	"member_id":       textField(func(g *Grant) *string { return &g.MemberID }),
	"rule":            textField(func(g *Grant) *string { return &g.Rule }),
	"reward":          textField(func(g *Grant) *string { return &g.Reward }),
	"amount":          {amount: func(g *Grant) *pipeline.Amount { return &g.Amount }},
	"kind":            textField(func(g *Grant) *string { return &g.Kind }),
	"source_type":     textField(func(g *Grant) *string { return &g.SourceType }),
	"source_id":       textField(func(g *Grant) *string { return &g.SourceID }),
	"earned_at":       {instant: func(g *Grant) *int64 { return &g.EarnedUS }},
	"earned_on":       dateField(func(g *Grant) *pipeline.Date { return &g.EarnedOn }),
	"posted_on":       dateField(func(g *Grant) *pipeline.Date { return &g.PostedOn }),
	"available_on":    dateField(func(g *Grant) *pipeline.Date { return &g.AvailableOn }),
	"expires_on": {date: func(g *Grant) *pipeline.Date { return &g.ExpiresOn },
		null: func(g *Grant) *bool { return &g.Expires }},
	"reason": textField(func(g *Grant) *string { return &g.Reason }),
}

// grantSetter appends one column's value to its builder.
type grantSetter func(*Grant)

// setterFor returns how to append the column to the builder, and refuses a builder of another type.
func setterFor(name string, b array.Builder) (grantSetter, error) {
	f, ok := grantFields[name]
	if !ok {
		return nil, fmt.Errorf("columnar: a grant has no column %s", name)
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		if f.text != nil {
			return func(g *Grant) { b.Append(*f.text(g)) }, nil
		}
	case *array.Int32Builder:
		if f.integer != nil {
			return func(g *Grant) { b.Append(*f.integer(g)) }, nil
		}
	case *array.Decimal128Builder:
		if f.amount != nil && b.Type().(*arrow.Decimal128Type).Scale == pipeline.AmountPlaces {
			return func(g *Grant) { b.Append(decimal128.FromI64(int64(*f.amount(g)))) }, nil
		}
	case *array.TimestampBuilder:
		if f.instant != nil && b.Type().(*arrow.TimestampType).Unit == arrow.Microsecond {
			return func(g *Grant) { b.Append(arrow.Timestamp(*f.instant(g))) }, nil
		}
	case *array.Date32Builder:
		if f.date != nil {
			return func(g *Grant) {
				if f.null != nil && !*f.null(g) {
					b.AppendNull()
					return
				}
				b.Append(arrow.Date32(*f.date(g)))
			}, nil
		}
	}
	return nil, fmt.Errorf("columnar: column %s of a grant cannot be written as %s", name, b.Type())
}

// grantGetter reads one column's value of row i into the grant.
type grantGetter func(g *Grant, i int) error

// getterFor returns how to read the column from the array, and refuses an array of another type.
func getterFor(name string, a arrow.Array) (grantGetter, error) {
	f, ok := grantFields[name]
	if !ok {
		return nil, fmt.Errorf("a grant has no column %s", name)
	}
	var get grantGetter
	switch a := a.(type) {
	case *array.String:
		if f.text != nil {
			get = func(g *Grant, i int) error { *f.text(g) = a.Value(i); return nil }
		}
	case *array.Int32:
		if f.integer != nil {
			get = func(g *Grant, i int) error { *f.integer(g) = a.Value(i); return nil }
		}
	case *array.Decimal128:
		if f.amount != nil && a.DataType().(*arrow.Decimal128Type).Scale == pipeline.AmountPlaces {
			get = func(g *Grant, i int) (err error) { *f.amount(g), err = amountOf(a.Value(i)); return err }
		}
	case *array.Timestamp:
		if t := a.DataType().(*arrow.TimestampType); f.instant != nil && t.Unit == arrow.Microsecond && t.TimeZone == "UTC" {
			get = func(g *Grant, i int) error { *f.instant(g) = int64(a.Value(i)); return nil }
		}
	case *array.Date32:
		if f.date != nil {
			get = func(g *Grant, i int) error { *f.date(g) = pipeline.Date(a.Value(i)); return nil }
		}
	}
	if get == nil {
		return nil, fmt.Errorf("column %s has type %s, which is not the contract's", name, a.DataType())
	}
	return func(g *Grant, i int) error {
		valid := a.IsValid(i)
		if f.null != nil {
			*f.null(g) = valid
			if !valid {
				*f.date(g) = 0
				return nil
			}
		}
		if !valid {
			return fmt.Errorf("column %s is null", name)
		}
		return get(g, i)
	}, nil
}

// amountOf returns a decimal of four places as an Amount.
func amountOf(n decimal128.Num) (pipeline.Amount, error) {
	v := int64(n.LowBits())
	if n != decimal128.FromI64(v) {
		return 0, fmt.Errorf("amount %s is larger than a grant can be", n.ToString(pipeline.AmountPlaces))
	}
	return pipeline.Amount(v), nil
}
