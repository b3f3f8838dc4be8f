package jobs

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

var sameConfig = cmp.Options{
	cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
}

func TestConfigDefaults(t *testing.T) {
	want := &Config{
		Exports: ExportsConfig{Path: "exports"}, Grants: GrantsConfig{Path: "grants", Formats: []string{"csv"}},
		Acks: AcksConfig{Path: "acks"}, Programs: "programs", Warehouse: WarehouseConfig{Path: "warehouse"}, MemoryLimit: "4GB", Threads: 2,
		MaxRejects: MaxRejects{Percent: percent("0.1")}, MaxLine: 1_000_000, MaxExpansion: 200, MaxRows: 2_000_000_000,
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
	kolkata, zerr := time.LoadLocation("Asia/Kolkata")
	if zerr != nil {
		t.Fatal(zerr)
	}
	from := day(t, "2026-11-01")
	want := &Config{
		Exports:  ExportsConfig{Path: "/data/in", ReadyByFolder: true},
		Grants:   GrantsConfig{Path: "../out", Formats: []string{"parquet", "csv"}, MaxRowsPerFile: 5_000_000},
		Acks:     AcksConfig{Path: "/from/ledger"},
		Programs: "rules", Warehouse: WarehouseConfig{Path: "db"}, MemoryLimit: "512MiB", Threads: 16,
		MaxRejects: MaxRejects{Count: 10}, MaxLine: 2 << 20, MaxExpansion: 50, MaxRows: 1000, MaxSpill: "20GB",
		Signing: SigningConfig{KeyFile: "key", PasswordEnv: "PASSWORD", PublicKeys: []string{"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"}},
		Rates:   map[string]decimal.Decimal{"points": decimal.RequireFromString("0.25"), "cashback": decimal.NewFromInt(1)},
		Jobs: []JobConfig{
			{Name: "nightly", Cron: "30 2 * * *", Zone: kolkata, Late: LateConfig{6 * time.Hour, LateHold},
				Retry: RetryConfig{5, 30 * time.Second, 15 * time.Minute}},
			{
				Name: "spa", Cron: "@hourly", Zone: time.UTC, Programs: []string{"jcb", "7"}, From: &from,
				Late: LateConfig{90 * time.Minute, LateGoOn}, Retry: RetryConfig{0, time.Second, time.Minute},
				Hooks: []HookConfig{
					{On: []string{"late", "failure"}, Command: []string{"page", "-p", "3"}, TimeLimit: 5 * time.Second, Retries: 3},
					{On: []string{"success"}, URL: "https://example.org/in", KeyEnv: "KEY", TimeLimit: 30 * time.Second, Retries: 0},
					{On: []string{"success"}, URLEnv: "HOOK", KeyFile: "key", TimeLimit: 30 * time.Second, Retries: 3},
				},
			},
		},
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
max_expansion: 50
max_rows: 1000
max_spill: 20 GB
signing: {key_file: key, password_env: PASSWORD, public_keys: [RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3]}
rates: {points: 0.25, cashback: 1}
jobs:
  - {name: nightly, cron: "30 2 * * *", time_zone: Asia/Kolkata}
  - name: spa
    cron: "@hourly"
    time_zone: UTC
    programs: [jcb, 7]
    from: 2026-11-01
    late: {wait: 1h30m, then: go_on}
    retry: {times: 0, first: 1s, most: 1m}
    hooks:
      - {on: [late, failure], command: [page, -p, 3], time_limit: 5s}
      - {on: [success], webhook: {url: https://example.org/in, key_env: KEY, retries: 0}}
      - {on: [success], webhook: {url_env: HOOK, key_file: key}}
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

accrue.yaml:9:7: jobs is an empty list
  9 | jobs: []
    |       ^
  hint: write jobs: [{name: nightly, cron: "30 2 * * *", time_zone: Asia/Kolkata}]

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

// badJobs are jobs with one fault each, under the text of the fault.
var badJobs = func() map[string]string {
	job := func(rest string) string {
		return "jobs: [{name: n, cron: \"30 2 * * *\", time_zone: UTC" + rest + "}]"
	}
	hook := func(rest string) string { return job(", hooks: [" + rest + "]") }
	return map[string]string{
		"name is missing":                       `jobs: [{cron: "@daily", time_zone: UTC}]`,
		"cron is missing":                       `jobs: [{name: n, time_zone: UTC}]`,
		"time_zone is missing":                  `jobs: [{name: n, cron: "@daily"}]`,
		`name cannot be "a b"`:                  `jobs: [{name: a b, cron: "@daily", time_zone: UTC}]`,
		`unknown time zone "Mars/Base"`:         `jobs: [{name: n, cron: "@daily", time_zone: Mars/Base}]`,
		`never comes`:                           `jobs: [{name: n, cron: "0 0 31 2 *", time_zone: UTC}]`,
		`the zone stands in time_zone`:          `jobs: [{name: n, cron: "TZ=0", time_zone: UTC}]`,
		`unknown key "nme"`:                     job(", nme: x"),
		`programs names "a" twice`:              job(", programs: [a, a]"),
		`from must be a date, not "soon"`:       job(", from: soon"),
		`wait must be a time, not "6"`:          job(", late: {wait: 6}"),
		`then cannot be "skip"`:                 job(", late: {then: skip}"),
		"times must be at least 0":              job(", retry: {times: -1}"),
		"most is less than first":               job(", retry: {first: 5m, most: 1m}"),
		"a hook is a command or a webhook":      hook("{on: [late]}"),
		`on cannot be "failed"`:                 hook("{on: [failed], command: [a]}"),
		"on is missing":                         hook("{command: [a]}"),
		"command is an empty list":              hook("{on: [late], command: []}"),
		"this is no URL for a webhook":          hook("{on: [late], webhook: {url: \"ftp://x\"}}"),
		"a webhook has a url or a url_env":      hook("{on: [late], webhook: {key_env: A}}"),
		"a webhook has a key_env or a key_file": hook("{on: [late], webhook: {url_env: U, key_env: A, key_file: b}}"),
		"time_limit must be at least 1s":        hook("{on: [late], command: [a], time_limit: 0s}"),
	}
}()

func TestBadJobs(t *testing.T) {
	for want, text := range badJobs {
		if _, err := ParseConfig("accrue.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) ||
			strings.Count(err.Error(), "accrue.yaml:") != 1 {
			t.Errorf("%s\ngives %v\nwant %s", text, err, want)
		}
	}
	_, err := ParseConfig("accrue.yaml", []byte("jobs: [{name: a, cron: \"@daily\", time_zone: UTC}, {name: a, cron: \"@daily\", time_zone: UTC}]"))
	if err == nil || !strings.Contains(err.Error(), `two jobs have the name "a"`) {
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
	for _, text := range badJobs {
		if err := s.Validate(plain(t, text)); err == nil && !strings.Contains(text, "31 2") && !strings.Contains(text, "Mars") &&
			!strings.Contains(text, "most: 1m") && !strings.Contains(text, "TZ=") && !strings.Contains(text, "0s") {
			t.Errorf("fits the schema: %s", text)
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
	t.Parallel()
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
