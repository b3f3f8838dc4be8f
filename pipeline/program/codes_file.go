package program

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/yamlpos"
)

// maxCodesBytes is the largest codes file that is read: a million codes with room.
const maxCodesBytes = 64 << 20

// codesColumns are the columns of a codes file; the first two must be there.
var codesColumns = []string{"code", "earn", "from", "until", "times"}

// codesReader reads a codes file, CSV with a header, into the rule.
type codesReader struct {
	r      *ruleReader
	g      *GiftCode
	doc    *yamlpos.Document
	csv    *csv.Reader
	header []string
}

func (f *codesReader) read(text []byte) {
	f.csv = csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	f.csv.FieldsPerRecord = -1
	f.csv.ReuseRecord = true
	header, err := f.csv.Read()
	if err != nil {
		f.broken(err)
		return
	}
	f.header = slices.Clone(header)
	if !f.columns() {
		return
	}
	for {
		record, err := f.csv.Read()
		if err != nil {
			f.broken(err)
			return
		}
		f.record(record)
	}
}

// broken says why the file cannot be read any further, unless it is its end.
func (f *codesReader) broken(err error) {
	var bad *csv.ParseError
	switch {
	case errors.As(err, &bad):
		f.fault(Pos{File: f.doc.File, Line: bad.Line, Column: max(bad.Column, 1)}, `put quotes around a whole cell, and write "" for one inside`,
			"it is no CSV: "+bad.Err.Error())
	case f.header == nil && errors.Is(err, io.EOF):
		f.fault(Pos{File: f.doc.File, Line: 1, Column: 1}, "the first line names the columns: "+strings.Join(codesColumns, ","), "the codes file is empty")
	}
}

// columns checks the header.
func (f *codesReader) columns() bool {
	ok := true
	for i, name := range f.header {
		switch {
		case !slices.Contains(codesColumns, name):
			f.fault(f.at(i), yamlpos.Meant(name, codesColumns), "unknown column "+yamlpos.Quote(name))
			ok = false
		case slices.Index(f.header, name) < i:
			f.fault(f.at(i), "name each column once", "the column "+name+" is there twice")
			ok = false
		}
	}
	for _, name := range codesColumns[:2] {
		if !slices.Contains(f.header, name) {
			f.fault(f.at(0), "columns: "+strings.Join(codesColumns, ","), "the column "+name+" is missing")
			ok = false
		}
	}
	return ok
}

// at is the place of a cell of the record that was read last.
func (f *codesReader) at(cell int) Pos {
	line, column := f.csv.FieldPos(cell)
	return Pos{File: f.doc.File, Line: line, Column: column}
}

func (f *codesReader) fault(pos Pos, hint, message string) {
	f.r.FaultIn(f.doc, pos, hint, "%s", message)
}

// record reads one code. An empty cell is the same as a column that is not there.
func (f *codesReader) record(cells []string) {
	if len(cells) != len(f.header) {
		f.fault(f.at(0), "columns: "+strings.Join(f.header, ","),
			"the line has "+count(len(cells), "cell")+", the header "+strconv.Itoa(len(f.header)))
		return
	}
	before := f.r.Count()
	c := Code{Active: Span{From: pipeline.MinDate, Until: pipeline.MaxDate}}
	for i, name := range f.header {
		// A cell is read as the same value would be in the program file.
		n := &yamlpos.Node{Kind: yamlpos.Text, Pos: f.at(i), Name: name, Text: cells[i]}
		switch {
		case name == "code":
			c.Pos, c.Code = n.Pos, n.Text
			if n.Text == "" {
				f.fault(n.Pos, "leave the line out", "a code is empty")
			}
		case name == "earn":
			f.earn(&c, n)
		case n.Text == "":
		case name == "from":
			c.Active.From = f.date(n)
		case name == "until":
			c.Active.Until = f.date(n)
		case name == "times":
			f.times(&c, n)
		}
	}
	if f.r.Count() > before {
		return
	}
	if c.Active.Until < c.Active.From {
		f.fault(f.at(slices.Index(f.header, "until")), "both days count", "until ("+c.Active.Until.String()+") is before from ("+c.Active.From.String()+")")
	}
	if err := f.g.add(c); err != nil {
		f.fault(c.Pos, err.Error(), "the code "+yamlpos.Quote(c.Code)+" is listed twice")
	}
}

func (f *codesReader) earn(c *Code, n *yamlpos.Node) {
	f.r.InDocument(f.doc, func() {
		c.Earn.Pos = n.Pos
		if v, ok := f.r.number(n, n.Name, rate()); ok {
			c.Earn.All = &v
		}
	})
}

func (f *codesReader) date(n *yamlpos.Node) (d pipeline.Date) {
	f.r.InDocument(f.doc, func() { d = f.r.date(n, 0) })
	return d
}

func (f *codesReader) times(c *Code, n *yamlpos.Node) {
	f.r.InDocument(f.doc, func() {
		n.Kind = yamlpos.Number
		if v, ok := f.r.Int(n, 1, maxTimes); ok {
			c.Times = ptr(int(v))
		}
	})
}
