package jobs

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/shopspring/decimal"

	"accrue/pipeline/yamlpos"
	"accrue/schemas"
)

func percent(s string) *decimal.Decimal {
	d := decimal.RequireFromString(s)
	return &d
}

var sameConfig = cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) })

func TestConfigDefaults(t *testing.T) {
	want := &Config{
		Exports: ExportsConfig{Path: "exports"}, Grants: GrantsConfig{Path: "grants", Formats: []string{"csv"}},
		Acks: AcksConfig{Path: "acks"}, Programs: "programs", Warehouse: WarehouseConfig{Path: "warehouse"}, MemoryLimit: "4GB", Threads: 2,
		MaxRejects: MaxRejects{Percent: percent("0.1")}, MaxLine: 1_000_000,
	}
	// The sample's file shows every default.
	sample, err := os.ReadFile("../fixtures/sample/accrue.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "# nothing\n", "\ufeff\r\n  # nothing\r\n", "{}", string(sample)} {
		got, err := ParseConfig("accrue.yaml", []byte(text))
		if err != nil {
			t.Error(err)
		} else if diff := cmp.Diff(want, got, sameConfig); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestConfigOfEverything(t *testing.T) {
	got, err := ParseConfig("accrue.yaml", []byte(everyKey))
	want := &Config{
		Exports:  ExportsConfig{Path: "/data/in", ReadyByFolder: true},
		Grants:   GrantsConfig{Path: "../out", Formats: []string{"parquet", "csv"}, MaxRowsPerFile: 5_000_000},
		Acks:     AcksConfig{Path: "/from/ledger"},
		Programs: "rules", Warehouse: WarehouseConfig{Path: "db"}, MemoryLimit: "512MiB", Threads: 16,
		MaxRejects: MaxRejects{Count: 10}, MaxLine: 2 << 20,
		Rates: map[string]decimal.Decimal{"points": decimal.RequireFromString("0.25"), "cashback": decimal.NewFromInt(1)},
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, sameConfig); diff != "" {
		t.Error(diff)
	}
}

const everyKey = `exports: {path: /data/in, ready: folder}
grants: {path: ../out, formats: [parquet, csv], max_rows_per_file: 5000000}
acks: {path: /from/ledger}
programs: rules
warehouse: {path: db}
memory_limit: 512 MiB
threads: 16
max_rejects: 10
max_line: 2MiB
rates: {points: 0.25, cashback: 1}
`

func TestMaxRejects(t *testing.T) {
	for text, want := range map[string]MaxRejects{
		"0.1 %": {Percent: percent("0.1")}, "5%": {Percent: percent("5")}, "0 %": {Percent: percent("0")}, "0": {},
		"100 %": {Percent: percent("100")}, "25": {Count: 25},
	} {
		got, err := ParseConfig("accrue.yaml", []byte("max_rejects: "+text))
		if err != nil {
			t.Error(err)
		} else if diff := cmp.Diff(want, got.MaxRejects, sameConfig); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

const badConfig = `exports: {path: data, redy: folder}
grants: {path: data, formats: [csv, excel], max_rows_per_file: -1}
programs:
warehouse: {}
memory_limit: 4
threads: 0
max_rejects: 0.1
max_line: 300GB
jobs: []
rates: {points: cheap, cashback: -1}
`

func TestBadConfig(t *testing.T) {
	want := `accrue.yaml:1:23: unknown key "redy"
  1 | exports: {path: data, redy: folder}
    |                       ^
  hint: did you mean "ready"?

accrue.yaml:2:16: exports and grants are the same folder
  2 | grants: {path: data, formats: [csv, excel], max_rows_per_file: -1}
    |                ^
  hint: give each a folder of its own

accrue.yaml:2:37: formats cannot be "excel"
  2 | grants: {path: data, formats: [csv, excel], max_rows_per_file: -1}
    |                                     ^
  hint: known here: csv, parquet, ndjson, arrow

accrue.yaml:2:64: max_rows_per_file must be at least 0
  2 | grants: {path: data, formats: [csv, excel], max_rows_per_file: -1}
    |                                                                ^
  hint: 0 to 1000000000000 are possible

accrue.yaml:3:1: programs has no value
  3 | programs:
    | ^
  hint: write a value, or leave the key out

accrue.yaml:4:12: warehouse is empty
  4 | warehouse: {}
    |            ^
  hint: leave it out, or say something

accrue.yaml:5:15: memory_limit must be a size, not "4"
  5 | memory_limit: 4
    |               ^
  hint: write a number and a unit: 500MB, 4GB, 1MiB

accrue.yaml:6:10: threads must be at least 1
  6 | threads: 0
    |          ^
  hint: 1 to 1024 are possible

accrue.yaml:7:14: max_rejects must be a percentage or a count, not "0.1"
  7 | max_rejects: 0.1
    |              ^
  hint: write 0.1 % for a percentage, or a whole number for a count

accrue.yaml:8:11: max_line must be at most 1GB
  8 | max_line: 300GB
    |           ^
  hint: 1KB to 1GB are possible

accrue.yaml:9:1: unknown key "jobs"
  9 | jobs: []
    | ^
  hint: known here: exports, grants, acks, programs, warehouse, memory_limit, threads, max_rejects, max_line, rates

accrue.yaml:10:17: points must be a decimal with at most six places, not below zero, not "cheap"
  10 | rates: {points: cheap, cashback: -1}
     |                 ^
  hint: write rates: {points: 0.25}

accrue.yaml:10:34: cashback must be a decimal with at most six places, not below zero, not "-1"
  10 | rates: {points: cheap, cashback: -1}
     |                                  ^
  hint: write rates: {points: 0.25}
`
	cfg, err := ParseConfig("accrue.yaml", []byte(badConfig))
	if cfg != nil || err == nil || Classify(err) != Refused {
		t.Fatalf("%v is %v of class %v", badConfig, cfg, Classify(err))
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
	// What is no YAML at all is a fault with a place as well.
	if _, err := ParseConfig("accrue.yaml", []byte("exports: {path: x\n")); err == nil || !strings.HasPrefix(err.Error(), "accrue.yaml:1:") {
		t.Error(err)
	}
}

func TestConfigSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.AccrueJSON))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("accrue.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("accrue.json")
	if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile("../fixtures/sample/accrue.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{everyKey, string(sample)} {
		if err := s.Validate(plain(t, text)); err != nil {
			t.Error(err)
		}
	}
	for line := range strings.Lines(badConfig) {
		if strings.HasPrefix(line, "max_line") {
			continue // how large a size is, a schema cannot say
		}
		if err := s.Validate(plain(t, line)); err == nil {
			t.Errorf("fits the schema: %s", line)
		}
	}
}

// plain reads YAML as an editor hands it to its JSON Schema.
func plain(t *testing.T, text string) any {
	t.Helper()
	doc, faults := yamlpos.Parse("f", []byte(text))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var read func(n *yamlpos.Node) any
	read = func(n *yamlpos.Node) any {
		switch n.Kind {
		case yamlpos.Mapping:
			out := map[string]any{}
			for _, e := range n.Entries {
				out[e.Key] = read(e.Value)
			}
			return out
		case yamlpos.List:
			out := []any{}
			for _, it := range n.Items {
				out = append(out, read(it))
			}
			return out
		case yamlpos.Number:
			return json.Number(n.Text)
		case yamlpos.Null:
			return nil
		}
		return n.Text
	}
	return read(doc.Root)
}

func TestFindAndLoad(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "exports")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := FindProject(dir); err == nil || Classify(err) != Refused {
		t.Errorf("found a project where there is none: %v", err)
	}
	file := filepath.Join(dir, SettingsName)
	if _, _, err := LoadConfig(file); err == nil {
		t.Error("read a file that is not there")
	}
	if err := os.WriteFile(file, []byte("thread: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := FindProject(dir); err != nil || got != dir {
		t.Errorf("got %s, %v", got, err)
	}
	_, err := FindProject(below)
	if h, ok := err.(*hintError); !ok || !strings.Contains(h.Hint(), dir) {
		t.Errorf("the project above is not named: %v", err)
	}
	if cfg, faults, err := LoadConfig(file); cfg != nil || err != nil || len(faults) != 1 || faults[0].Hint != `did you mean "threads"?` {
		t.Errorf("got %v, %v, %v", cfg, faults, err)
	}
}
