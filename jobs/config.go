package jobs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline/emit"
	"accrue/pipeline/load"
	"accrue/pipeline/yamlpos"
	"accrue/schemas"
)

// Config is accrue.yaml with all defaults filled in. Paths are as written: relative ones are relative to the file.
type Config struct {
	Exports     ExportsConfig
	Grants      GrantsConfig
	Acks        AcksConfig
	Programs    string // folder of the program files
	Warehouse   WarehouseConfig
	MemoryLimit string // as DuckDB reads it: 4GB
	Threads     int    // at least 1
	MaxRejects  MaxRejects
	MaxLine     int64 // bytes of the longest record of a text export
	// MaxExpansion is how many times its size a packed export may unpack to, MaxRows how many rows a file may hold.
	MaxExpansion, MaxRows int64
	MaxSpill              string // what DuckDB may write into warehouse/spill, as it reads it; "" for no bound
	// Rates say what one of a reward is worth, in its program's currency, for liabilities.
	Rates   map[string]decimal.Decimal
	Jobs    []JobConfig
	Signing SigningConfig
}

// ExportsConfig says where deliveries lie and when one is ready.
type ExportsConfig struct {
	Path          string
	ReadyByFolder bool // ready as soon as the folder is there; else it must hold _SUCCESS or control.json
}

// GrantsConfig says what is published and where.
type GrantsConfig struct {
	Path           string
	Formats        []string // names of emit.Formats, at least one
	MaxRowsPerFile int64    // 0: one file, however many rows
}

// AcksConfig says where acknowledgements from downstream lie.
type AcksConfig struct{ Path string }

// WarehouseConfig says where the warehouse lies.
type WarehouseConfig struct{ Path string }

// MaxRejects is how many rejected rows a dataset of a delivery may have (F57): Percent of its rows, or Count where
// Percent is nil.
type MaxRejects struct {
	Percent *decimal.Decimal
	Count   int64
}

// DefaultConfig is what an empty accrue.yaml means.
func DefaultConfig() *Config {
	percent := decimal.RequireFromString("0.1")
	return &Config{
		Exports: ExportsConfig{Path: "exports"}, Grants: GrantsConfig{Path: "grants", Formats: []string{string(emit.CSV)}},
		Acks:     AcksConfig{Path: schemas.AcksDir},
		Programs: "programs", Warehouse: WarehouseConfig{Path: "warehouse"},
		MemoryLimit: "4GB", Threads: 2, MaxRejects: MaxRejects{Percent: &percent}, MaxLine: 1_000_000,
		MaxExpansion: load.DefaultExpansion, MaxRows: load.DefaultRows,
	}
}

// FindProject returns the folder of the project that start lies at: start itself, which must hold accrue.yaml. A
// project in a folder above is only named in the error, as a run writes to what it finds.
func FindProject(start string) (string, error) {
	dir, err := filepath.Abs(start)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, SettingsName)); err == nil {
		return dir, nil
	}
	hint := "go to the project's folder, name it with --project DIR, or make one with `accrue init DIR`"
	for up := filepath.Dir(dir); up != filepath.Dir(up); up = filepath.Dir(up) {
		if _, err := os.Stat(filepath.Join(up, SettingsName)); err == nil {
			hint = "there is one above: use --project " + up
			break
		}
	}
	return "", &hintError{error: fmt.Errorf("no project here: %s does not exist", filepath.Join(dir, SettingsName)), class: Refused, hint: hint}
}

// LoadConfig reads an accrue.yaml. It returns the settings, or all faults of the file, or the error of reading it.
func LoadConfig(path string) (*Config, yamlpos.Faults, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	cfg, faults := readConfig(path, text)
	return cfg, faults, nil
}

// ParseConfig reads the text of an accrue.yaml. The error is a *FaultsError with all faults of the file.
func ParseConfig(path string, text []byte) (*Config, error) {
	cfg, faults := readConfig(path, text)
	if len(faults) > 0 {
		return nil, &FaultsError{faults}
	}
	return cfg, nil
}

func readConfig(path string, text []byte) (*Config, yamlpos.Faults) {
	// Every line of a fresh accrue.yaml may be left out, and a file of comments is all defaults.
	if onlyComments(text) {
		return DefaultConfig(), nil
	}
	doc, faults := yamlpos.Parse(path, text)
	if len(faults) > 0 {
		return nil, faults
	}
	c := &configReader{Checker: yamlpos.NewChecker(doc), cfg: DefaultConfig()}
	c.read(doc)
	if faults := c.Faults(); len(faults) > 0 {
		return nil, faults
	}
	return c.cfg, nil
}

func onlyComments(text []byte) bool {
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}

type configReader struct {
	*yamlpos.Checker
	cfg *Config
}

func (c *configReader) read(doc *yamlpos.Document) {
	cfg := c.cfg
	m := c.MapOrEmpty(doc.Root, "")
	if e := c.Map(m.Get("exports"), "write exports: {path: exports}"); e != nil {
		c.text(e.Get("path"), &cfg.Exports.Path)
		ready, _ := c.OneOf(e.Get("ready"), "success", "folder")
		cfg.Exports.ReadyByFolder = ready == "folder"
		e.Close()
	}
	if g := c.Map(m.Get("grants"), "write grants: {path: grants}"); g != nil {
		c.text(g.Get("path"), &cfg.Grants.Path)
		c.formats(g.Get("formats"))
		cfg.Grants.MaxRowsPerFile, _ = c.Int(g.Get("max_rows_per_file"), 0, 1_000_000_000_000)
		g.Close()
	}
	if k := c.Map(m.Get("acks"), "write acks: {path: acks}"); k != nil {
		c.text(k.Get("path"), &cfg.Acks.Path)
		k.Close()
	}
	c.text(m.Get("programs"), &cfg.Programs)
	if w := c.Map(m.Get("warehouse"), "write warehouse: {path: warehouse}"); w != nil {
		c.text(w.Get("path"), &cfg.Warehouse.Path)
		w.Close()
	}
	c.memory(m.Get("memory_limit"))
	if v, ok := c.Int(m.Get("threads"), 1, 1024); ok {
		cfg.Threads = int(v)
	}
	c.rejects(m.Get("max_rejects"))
	if v, ok := c.size(m.Get("max_line"), 1000, 1_000_000_000, "1KB", "1GB"); ok {
		cfg.MaxLine = v
	}
	if v, ok := c.Int(m.Get("max_expansion"), 1, 1_000_000); ok {
		cfg.MaxExpansion = v
	}
	if v, ok := c.Int(m.Get("max_rows"), 1, 1_000_000_000_000); ok {
		cfg.MaxRows = v
	}
	spill := m.Get("max_spill")
	if _, ok := c.size(spill, 64_000_000, 1<<50, "64MB", "1024TiB"); ok {
		cfg.MaxSpill = strings.ReplaceAll(spill.Text, " ", "")
	}
	c.rates(m.Get("rates"))
	c.signing(m.Get("signing"))
	c.jobs(m.Get("jobs"))
	m.Close()
	c.apart(doc)
}

// rates reads what rewards are worth.
func (c *configReader) rates(n *yamlpos.Node) {
	const hint = "write rates: {points: 0.25}"
	m := c.Map(n, hint)
	if m == nil {
		return
	}
	c.cfg.Rates = map[string]decimal.Decimal{}
	for _, e := range m.Rest() {
		parts := rateForm.FindStringSubmatch("reward=" + e.Value.Text)
		if e.Value.Kind != yamlpos.Number || parts == nil {
			c.Wrong(e.Value, "a decimal with at most six places, not below zero", hint)
			continue
		}
		c.cfg.Rates[e.Key] = decimal.RequireFromString(parts[2])
	}
}

// text reads a text over its default.
func (c *configReader) text(n *yamlpos.Node, into *string) {
	if s, ok := c.Text(n); ok {
		*into = s
	}
}

func (c *configReader) formats(n *yamlpos.Node) {
	if n == nil {
		return
	}
	known := make([]string, len(emit.Formats))
	for i, f := range emit.Formats {
		known[i] = string(f)
	}
	items, _ := c.Items(n, "write at least one: [csv]")
	nodes, _ := c.Distinct(items)
	c.cfg.Grants.Formats = nil
	for _, it := range nodes {
		if s, ok := c.OneOf(it, known...); ok {
			c.cfg.Grants.Formats = append(c.cfg.Grants.Formats, s)
		}
	}
}

// apart checks that no two folders are the same: what is published must not be read as a delivery.
func (c *configReader) apart(doc *yamlpos.Document) {
	seen := map[string]string{}
	for _, f := range []struct {
		name, path string
		node       *yamlpos.Node
	}{
		{"exports", c.cfg.Exports.Path, doc.Root.Get("exports").Get("path")},
		{"grants", c.cfg.Grants.Path, doc.Root.Get("grants").Get("path")},
		{"acks", c.cfg.Acks.Path, doc.Root.Get("acks").Get("path")},
		{"programs", c.cfg.Programs, doc.Root.Get("programs")},
		{"warehouse", c.cfg.Warehouse.Path, doc.Root.Get("warehouse").Get("path")},
	} {
		path := filepath.Clean(f.path)
		if other := seen[path]; other != "" {
			pos := doc.Root.Pos
			if f.node != nil {
				pos = f.node.Pos
			}
			c.Fault(pos, "give each a folder of its own", "%s and %s are the same folder", other, f.name)
		}
		seen[path] = f.name
	}
}

var sizeForm = regexp.MustCompile(`^([0-9]{1,12}) ?([KMGT]?i?)B$`)

var sizeUnits = map[string]int64{"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}

const sizeHint = "write a number and a unit: 500MB, 4GB, 1MiB"

// size reads a number of bytes with its unit.
func (c *configReader) size(n *yamlpos.Node, least, most int64, leastText, mostText string) (int64, bool) {
	if n == nil {
		return 0, false
	}
	parts := sizeForm.FindStringSubmatch(n.Text)
	if n.Kind != yamlpos.Text || parts == nil || sizeUnits[parts[2]] == 0 {
		c.Wrong(n, "a size", sizeHint)
		return 0, false
	}
	count, err := strconv.ParseInt(parts[1], 10, 64)
	unit := sizeUnits[parts[2]]
	switch {
	case err != nil || count > most/unit:
		c.Fault(n.Pos, leastText+" to "+mostText+" are possible", "%s must be at most %s", n.Name, mostText)
	case count*unit < least:
		c.Fault(n.Pos, leastText+" to "+mostText+" are possible", "%s must be at least %s", n.Name, leastText)
	default:
		return count * unit, true
	}
	return 0, false
}

// memory keeps the size as it is written, without the blank, as DuckDB reads it.
func (c *configReader) memory(n *yamlpos.Node) {
	if _, ok := c.size(n, 64_000_000, 1<<50, "64MB", "1024TiB"); ok {
		c.cfg.MemoryLimit = strings.ReplaceAll(n.Text, " ", "")
	}
}

var percentForm = regexp.MustCompile(`^([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%$`)

// rejects reads a percentage or a count.
func (c *configReader) rejects(n *yamlpos.Node) {
	if n == nil {
		return
	}
	if n.Kind == yamlpos.Number && !strings.Contains(n.Text, ".") {
		if v, ok := c.Int(n, 0, 1_000_000_000_000); ok {
			c.cfg.MaxRejects = MaxRejects{Count: v}
		}
		return
	}
	parts := percentForm.FindStringSubmatch(n.Text)
	if n.Kind != yamlpos.Text || parts == nil {
		hint := "write a percentage (0.1 %) or a count (100)"
		if n.Kind == yamlpos.Number {
			hint = fmt.Sprintf("write %s %% for a percentage, or a whole number for a count", n.Text)
		}
		c.Wrong(n, "a percentage or a count", hint)
		return
	}
	percent := decimal.RequireFromString(parts[1])
	if percent.GreaterThan(decimal.NewFromInt(100)) {
		c.Fault(n.Pos, "0 % to 100 % are possible", "max_rejects must be at most 100 %%")
		return
	}
	c.cfg.MaxRejects = MaxRejects{Percent: &percent}
}
