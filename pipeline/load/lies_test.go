package load

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"accrue/pipeline/warehouse"
)

// pages is a Parquet file taken apart: its description, and the pages of all column chunks in order.
type pages struct {
	footer *thrift
	pages  []*page
}

type page struct {
	chunk *thrift // the description of the column chunk
	first bool    // of its chunk
	head  *thrift
	data  []byte
}

// Fields of the description that are needed here (parquet.thrift).
const (
	footerGroups, groupColumns, columnMeta      = 4, 1, 3
	metaCompressed, metaDataPage, metaDictPage  = 7, 9, 11
	headCompressed, columnFileOffset            = 3, 2
	parquetMagic                                = "PAR1"
	metaStatistics, metaEncodingStats, metaSize = 12, 13, 6
)

// takeApart reads a Parquet file.
func takeApart(b []byte) *pages {
	n := int(binary.LittleEndian.Uint32(b[len(b)-8:]))
	r := &thriftReader{b: b[len(b)-8-n : len(b)-8]}
	p := &pages{footer: r.value(thriftStruct, "footer")}
	for _, group := range p.footer.field(footerGroups).parts {
		for _, column := range group.field(groupColumns).parts {
			meta := column.field(columnMeta)
			at := meta.field(metaDataPage).number
			if d := meta.field(metaDictPage); d != nil && d.number > 0 {
				at = min(at, d.number)
			}
			end := at + meta.field(metaCompressed).number
			for first := true; at < end; first = false {
				r := &thriftReader{b: b[at:]}
				head := r.value(thriftStruct, "page of "+meta.name)
				from := at + int64(r.at)
				at = from + head.field(headCompressed).number
				p.pages = append(p.pages, &page{chunk: column, first: first, head: head, data: b[from:at]})
			}
		}
	}
	return p
}

// together writes the file, its offsets put right wherever they are not lies themselves.
func (p *pages) together(lie *thrift) []byte {
	out := []byte(parquetMagic)
	for _, pg := range p.pages {
		meta := pg.chunk.field(columnMeta)
		set := func(f *thrift, v int64) {
			if f != nil && f != lie {
				f.number = v
			}
		}
		at := int64(len(out))
		if pg.first {
			set(meta.field(metaCompressed), 0)
			set(pg.chunk.field(columnFileOffset), at)
			set(meta.field(metaDictPage), at)
		}
		if pg.head.field(5) != nil || pg.head.field(8) != nil { // a page of data
			set(meta.field(metaDataPage), at)
		}
		out = append(pg.head.append(out), pg.data...)
		if f := meta.field(metaCompressed); f != lie {
			f.number += int64(len(out)) - at
		}
	}
	n := len(out)
	out = p.footer.append(out)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(out)-n))
	return append(out, parquetMagic...)
}

// shape are numbers of a description that say what a column is, not how large anything is: another value makes another
// file, and no lie.
var shape = regexp.MustCompile(`^footer(\.1|\.2\[\d+\](\.[136789]|\.10.*)|\.4\[\d+\]\.1\[\d+\]\.3\.(1|2(\[\d+\])?|4|13.*|12.*)|\.[5-9].*)$|^page of .*\.(1|5\.[234]|5\.5.*|7\.2|8\.4)$`)

// lies are the file with one of its sizes, counts or places replaced by a lie after the other.
func lies(b []byte) map[string][]byte {
	out := map[string][]byte{}
	p := takeApart(b)
	tell := func(v *thrift) {
		if shape.MatchString(v.name) {
			return
		}
		switch v.typ {
		case thriftI16, thriftI32, thriftI64:
			truth := v.number
			for _, lie := range []int64{-1, 1 << 28, math.MaxInt64} {
				v.number = lie
				out[fmt.Sprintf("%s is %d, not %d", v.name, lie, truth)] = p.together(v)
			}
			v.number = truth
		case thriftList, thriftBinary:
			for _, lie := range []int64{1 << 28} {
				v.size = lie
				out[fmt.Sprintf("%s has %d parts", v.name, lie)] = p.together(v)
			}
			v.size = -1
		}
	}
	p.footer.each(tell)
	for _, pg := range p.pages {
		pg.head.each(tell)
	}
	return out
}

// honest writes Parquet: of types that DuckDB reads itself, or of others.
func honest(t *testing.T, native bool, codec string, rows int) []byte {
	t.Helper()
	p := newProject(t)
	path := filepath.Join(t.TempDir(), "x.parquet")
	amount, at := "DECIMAL(9, 2)", "TIMESTAMP"
	if !native {
		amount, at = "VARCHAR", "TIMESTAMP_NS"
	}
	must(t, second(p.db.Exec(t.Context(), fmt.Sprintf(`COPY (SELECT 't' || i AS transaction_id, CAST(TIMESTAMP '2026-11-20 10:00:00' AS %s) AS occurred_at, CAST(i AS %s) AS amount FROM range(%d) r(i))
		TO %s (FORMAT parquet, COMPRESSION %s)`, at, amount, rows, warehouse.Literal(path), codec))))
	return readFile(t, path)
}

// A Parquet file that lies about any of its sizes, counts or places is refused, soon and without much memory, or its rows
// are those that it has.
func TestParquetThatLies(t *testing.T) {
	root, n := t.TempDir(), 0
	names := map[string]string{}
	put := func(name string, b []byte) {
		dir := fmt.Sprintf("%05d", n)
		n++
		names[dir] = name
		p := &project{t: t, dir: filepath.Join(root, dir)}
		p.o.ExportsDir = filepath.Join(p.dir, "exports")
		p.putBytes("2026-11-20", "transactions.parquet", b)
		p.put("2026-11-20", "_SUCCESS", "")
	}
	for form, b := range map[string][]byte{
		"read by DuckDB, zstd": honest(t, true, "zstd", 50), "read by Arrow": honest(t, false, "uncompressed", 50),
	} {
		put(form+": the truth", takeApart(b).together(nil))
		all := lies(b)
		for _, lie := range sortedNames(all) {
			put(form+": "+lie, all[lie])
		}
	}
	got := measure(t, root)
	truth := map[string]string{}
	for dir, m := range got {
		if form, ok := strings.CutSuffix(names[dir], ": the truth"); ok {
			if truth[form] = m.Rows; m.Refused != "" {
				t.Errorf("%s is refused: %s", names[dir], m.Refused)
			}
		}
	}
	refused := 0
	for _, dir := range sortedNames(got) {
		m := got[dir]
		form, _, _ := strings.Cut(names[dir], ": ")
		switch {
		case m.Refused != "":
			refused++
		case m.Rows != truth[form]:
			t.Errorf("%s: %d bytes of rows, the truth are %d", names[dir], len(m.Rows), len(truth[form]))
		}
	}
	if refused < len(got)/2 {
		t.Errorf("only %d of %d lies are refused", refused, len(got))
	}
	t.Logf("%s; %d refused", heaviest(got), refused)
}

// An Arrow file or stream in which any word is a lie is refused, soon and without much memory, or read.
func TestArrowThatLies(t *testing.T) {
	root, names := t.TempDir(), []string{}
	whole := honest(t, true, "uncompressed", 5)
	put := func(name string, b []byte) {
		p := &project{t: t, dir: filepath.Join(root, fmt.Sprintf("%05d", len(names)))}
		p.o.ExportsDir = filepath.Join(p.dir, "exports")
		p.putBytes("2026-11-20", "transactions.arrow", b)
		p.put("2026-11-20", "_SUCCESS", "")
		names = append(names, name)
	}
	for _, stream := range []bool{false, true} {
		b := arrowOf(t, whole, stream)
		put("the truth", b)
		for at := 0; at+8 <= len(b); at += 4 {
			// Numbers of 64 bits lie at every eighth place; where nothing is said of sizes a lie is only another value, and a
			// part of those is enough.
			if at%16 == 0 || bytes.Equal(b[at:at+4], []byte{0, 0, 0, 0}) && at%32 != 8 {
				continue
			}
			bad := bytes.Clone(b)
			if at%16 == 8 {
				binary.LittleEndian.PutUint64(bad[at:], 1<<40)
			} else {
				binary.LittleEndian.PutUint32(bad[at:], math.MaxInt32)
			}
			put(fmt.Sprintf("stream %v, at %d", stream, at), bad)
		}
	}
	got := measure(t, root)
	refused := 0
	for dir, m := range got {
		n, err := strconv.Atoi(dir)
		must(t, err)
		if m.Refused != "" {
			refused++
		}
		if truth := names[n] == "the truth"; truth && m.Refused != "" {
			t.Errorf("the truth is refused: %s", m.Refused)
		}
	}
	if len(got) != len(names) || refused < len(got)/10 {
		t.Errorf("%d of %d were measured, %d of them refused", len(got), len(names), refused)
	}
	t.Logf("%s; %d refused", heaviest(got), refused)
}
