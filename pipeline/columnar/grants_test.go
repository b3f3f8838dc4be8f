package columnar

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"accrue/pipeline"
	"accrue/schemas"
)

func someGrants() []Grant {
	return []Grant{
		{GrantID: "p/base/transaction/t1/1", Program: "p", ProgramVersion: 2, MemberID: "m1", Rule: "base",
			Reward: "points", Amount: 10 * pipeline.Unit, Kind: "accrual", SourceType: "transaction", SourceID: "t1",
			EarnedUS: 1_700_000_000_000_001, EarnedOn: 19675, PostedOn: 19676, AvailableOn: 19690, ExpiresOn: 20041,
			Expires: true, Reason: "late"},
		{GrantID: "p/base/transaction/t1/2", Program: "p", ProgramVersion: 2, MemberID: "m1", Rule: "base",
			Reward: "points", Amount: -4 * pipeline.Unit, Kind: "reversal", SourceType: "transaction", SourceID: "t1",
			EarnedUS: -5, EarnedOn: -1, PostedOn: 19676, AvailableOn: 19690, Reason: "returned"},
		{GrantID: "p/cash/activity/a%2F1/1", Program: "p", ProgramVersion: 2, MemberID: "ü", Rule: "cash",
			Reward: "cashback", Amount: pipeline.MaxAmount, Kind: "accrual", SourceType: "activity", SourceID: "a/1"},
		{GrantID: "p/base/transaction/t2/1", Program: "p", ProgramVersion: 1, MemberID: "m2", Rule: "base",
			Reward: "points", Amount: 5, Kind: "accrual", SourceType: "transaction", SourceID: "t2"},
	}
}

// grantWriter is what both writers are.
type grantWriter interface {
	Append(*Grant) error
	Close() error
}

// writeGrants returns the file that the grants give.
func writeGrants(t *testing.T, format Format, grants []Grant) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w grantWriter
	var err error
	if format == Parquet {
		w, err = NewParquetWriter(&buf, schemas.GrantArrow())
	} else {
		w, err = NewArrowWriter(&buf, schemas.GrantArrow())
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range grants {
		if err := w.Append(&grants[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// writeBoth writes the grants as Arrow and as Parquet; it returns the two paths.
func writeBoth(t *testing.T, grants []Grant) map[Format]string {
	t.Helper()
	dir := t.TempDir()
	out := map[Format]string{Arrow: filepath.Join(dir, "g.arrow"), Parquet: filepath.Join(dir, "g.parquet")}
	for format, path := range out {
		if err := os.WriteFile(path, writeGrants(t, format, grants), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestGrantsComeBack(t *testing.T) {
	many := make([]Grant, 0, 2*max(grantBatch, parquetGroup)+3)
	for len(many) < cap(many) {
		many = append(many, someGrants()[len(many)%4])
	}
	for name, grants := range map[string][]Grant{"none": nil, "some": someGrants(), "batches": many} {
		for format, path := range writeBoth(t, grants) {
			var got []Grant
			for g, err := range ReadGrants(path, format) {
				if err != nil {
					t.Fatalf("%s as %s: %v", name, format, err)
				}
				got = append(got, *g)
			}
			if d := cmp.Diff(grants, got); d != "" {
				t.Errorf("%s as %s (-written +read):\n%.2000s", name, format, d)
			}
		}
	}
	for _, format := range []Format{Arrow, Parquet} {
		if !bytes.Equal(writeGrants(t, format, many), writeGrants(t, format, many)) {
			t.Errorf("%s: the same grants gave other bytes the second time", format)
		}
	}
}

func TestGrantTotals(t *testing.T) {
	for format, path := range writeBoth(t, someGrants()) {
		got, err := readTotals(path, format)
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		want := &GrantTotals{FirstID: "p/base/transaction/t1/1", LastID: "p/base/transaction/t2/1"}
		want.Add("points", pipeline.Accrual, 2, pipeline.Sum{}.Add(100_005))
		want.Add("points", pipeline.Reversal, 1, pipeline.Sum{}.Add(-40_000))
		want.Add("cashback", pipeline.Accrual, 1, pipeline.Sum{}.Add(pipeline.MaxAmount))
		if d := want.Compare(&got.Totals); d != nil {
			t.Errorf("%s: %v", format, d)
		}
		if got.Rows != 4 || got.FirstID != want.FirstID || got.LastID != want.LastID {
			t.Errorf("%s: %d rows from %s to %s", format, got.Rows, got.FirstID, got.LastID)
		}
	}
}

func TestReadGrantsStopsWhenAsked(t *testing.T) {
	for format, path := range writeBoth(t, someGrants()) {
		n := 0
		for _, err := range ReadGrants(path, format) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 2 {
				break
			}
		}
		if n != 2 {
			t.Errorf("%s: %d grants read, want 2", format, n)
		}
	}
}

// Whatever is cut off or turned over in a file, reading it ends in an error or in other figures, never in a panic.
func TestDamagedGrantFiles(t *testing.T) {
	for format, path := range writeBoth(t, someGrants()) {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, whole[:len(whole)/2], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readTotals(path, format); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%s cut in half: error %v, want one that names the file", format, err)
		}
		for at := 0; at < len(whole); at += 29 {
			bad := bytes.Clone(whole)
			bad[at] ^= 0x40
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, err := range ReadGrants(path, format) {
				_ = err // it may be found or not; it must not panic
			}
		}
	}
}

func TestGrantFilesOfOtherTypesAreRefused(t *testing.T) {
	fields := schemas.GrantArrow().Fields()
	fields[6].Type = arrow.PrimitiveTypes.Float64
	if _, err := NewArrowWriter(&bytes.Buffer{}, arrow.NewSchema(fields, nil)); err == nil ||
		!strings.Contains(err.Error(), "column amount of a grant cannot be written as float64") {
		t.Errorf("a float64 amount can be written: %v", err)
	}
	path := filepath.Join(t.TempDir(), "g.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(allocator, schema)
	for i := range fields {
		b.Field(i).AppendEmptyValue()
	}
	pw, err := pqarrow.NewFileWriter(schema, f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := pw.Write(b.NewRecord()); err != nil {
		t.Fatal(err)
	}
	if err := pw.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadParquetTotals(path); err == nil ||
		!strings.Contains(err.Error(), "column amount has type float64, which is not the contract's") {
		t.Errorf("a float64 amount is read: %v", err)
	}
}

// Readers leave out row groups by the least and the greatest text of a column: the empty reason counts like any other.
func TestGrantFilesTellWhatTheirTextsLieBetween(t *testing.T) {
	f, err := file.NewParquetReader(bytes.NewReader(writeGrants(t, Parquet, someGrants())))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][2]string{
		"grant_id": {"p/base/transaction/t1/1", "p/cash/activity/a%2F1/1"}, "program": {"p", "p"}, "member_id": {"m1", "ü"},
		"rule": {"base", "cash"}, "reward": {"cashback", "points"}, "kind": {"accrual", "reversal"},
		"source_type": {"activity", "transaction"}, "source_id": {"a/1", "t2"}, "reason": {"", "returned"},
	}
	group := f.MetaData().RowGroup(0)
	for i := range group.NumColumns() {
		c, err := group.ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := c.Statistics()
		if err != nil {
			t.Fatal(err)
		}
		name := c.PathInSchema().String()
		s, ok := stats.(*metadata.ByteArrayStatistics)
		if w, text := want[name]; !ok && text || ok && (!s.HasMinMax() || string(s.Min()) != w[0] || string(s.Max()) != w[1]) {
			t.Errorf("%s: %v, want %q", name, stats, w)
		}
		nulls := int64(0)
		if name == "expires_on" {
			nulls = 3
		}
		if stats.NullCount() != nulls {
			t.Errorf("%s: %d nulls, want %d", name, stats.NullCount(), nulls)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A file that cannot be written is told at its end; until then the grants that still come are not kept.
func TestGrantsAreNotKeptAfterAFailure(t *testing.T) {
	w, err := NewParquetWriter(full{}, schemas.GrantArrow())
	if err != nil {
		t.Fatal(err)
	}
	some := someGrants()
	for i := range (groupsInUse + 3) * parquetGroup {
		g := some[i%len(some)]
		g.SourceID = fmt.Sprint("t", i)
		if err := w.Append(&g); err != nil {
			t.Fatal(err)
		}
		if w.filling.rows >= parquetGroup {
			t.Fatalf("after %d grants %d of them are kept in one row group", i+1, w.filling.rows)
		}
	}
	if err := w.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the file ends with %v, want ENOSPC", err)
	}
}
