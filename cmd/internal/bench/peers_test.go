//go:build bench

package bench

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// peer is what people use instead of accrue. Its run writes the grants as CSV.
type peer struct {
	name, title string
	run         func(c *contest, out string) (measurement, error)
}

var peers = []peer{
	{"go", "Go program, row by row", func(c *contest, out string) (measurement, error) { return c.program("go", out) }},
	{"expr", "Go with expr-lang/expr", func(c *contest, out string) (measurement, error) { return c.program("expr", out) }},
	{"grule", "Go with Grule", func(c *contest, out string) (measurement, error) { return c.program("grule", out) }},
	{"postgres", "PostgreSQL 15", (*contest).postgres},
	{"sqlite", "SQLite", (*contest).sqlite},
}

// notHere is the error of a peer that this machine does not have.
type notHere string

func (n notHere) Error() string { return "not found here: " + string(n) }

// contest is accrue and its peers on one delivery.
type contest struct {
	*bench
	work    string // of all of it
	csv     string // the delivery as CSV
	sources string // fixtures/bench/peers
	binary  string // the peers written in Go, once they are built
}

// What people use instead, for the program two-rules on the same rows, with the same grants.
func TestBenchPeers(t *testing.T) {
	wanted := wantedPeers(t)
	root, dir, accrue := places(t)
	for _, b := range benches(t, dir, accrue) {
		c := &contest{bench: b, work: filepath.Join(b.dir, "peers"), sources: filepath.Join(root, "fixtures", "bench", "peers")}
		c.hold(subjects(root)[0], wanted)
	}
}

// wantedPeers are those that BENCH_PEERS names; 1 stands for all.
func wantedPeers(t *testing.T) []peer {
	t.Helper()
	names := strings.Fields(os.Getenv("BENCH_PEERS"))
	if len(names) == 0 {
		t.Skip("BENCH_PEERS is not set; use `make bench-peers`")
	}
	if slices.Equal(names, []string{"1"}) {
		return peers
	}
	var wanted []peer
	for _, name := range names {
		i := slices.IndexFunc(peers, func(p peer) bool { return p.name == name })
		if i < 0 {
			t.Fatalf("BENCH_PEERS: there is no peer %q", name)
		}
		wanted = append(wanted, peers[i])
	}
	return wanted
}

// standing is a row of the table.
type standing struct {
	title   string
	own     bool // accrue's
	run     func() (measurement, string, error)
	rounds  []measurement
	took    measurement // that of the middle round
	verdict string
}

// rounds is how often everything is run, in turns: a machine that is slower for a while is so for all.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("BENCH_ROUNDS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("BENCH_ROUNDS=%s is not a number of rounds", text)
	}
	return n
}

// hold runs accrue and the peers, each by itself, and holds every result against that of accrue's first run.
func (c *contest) hold(s subject, wanted []peer) {
	// Also what BENCH_KEEP has kept: none of them begins with another's files.
	if err := os.RemoveAll(c.work); err != nil {
		c.t.Fatal(err)
	}
	defer c.clean(c.work)
	base := task{Work: c.work, Program: s.name, Exports: filepath.Join(c.exports(), "date="+date)}
	c.writeCSV(base)
	fromCSV := *c.bench
	fromCSV.dir = c.work
	took, granted := c.accrueRun(c.accrue, s, filepath.Join(c.work, "accrue-first"))
	c.t.Logf("a first run, not counted: %.1f s", took.seconds)
	var found comparison
	own := func(title, work string, b *bench) standing {
		return standing{title: title, own: true, run: func() (measurement, string, error) {
			took, again := b.accrueRun(c.accrue, s, filepath.Join(c.work, work))
			found = c.compare(title, base, again, granted)
			return took, c.verdict(found), nil
		}}
	}
	rows := []standing{own("accrue run", "accrue", c.bench), own("accrue run, from CSV", "accrue-csv", &fromCSV)}
	for _, p := range wanted {
		out := filepath.Join(c.work, p.name+".csv")
		rows = append(rows, standing{title: p.title, run: func() (measurement, string, error) {
			defer c.clean(out)
			took, err := p.run(c, out)
			if err != nil {
				return took, "", err
			}
			return took, c.verdict(c.compare(p.title, base, out, granted)), nil
		}})
	}
	for range rounds(c.t) {
		for i := range rows {
			c.turn(&rows[i])
		}
	}
	for i := range rows {
		slices.SortFunc(rows[i].rounds, func(a, b measurement) int { return cmp.Compare(a.seconds, b.seconds) })
		if n := len(rows[i].rounds); n > 0 {
			rows[i].took = rows[i].rounds[n/2]
		}
	}
	c.reportPeers(found.Grants, rows)
	c.chartPeers(found.Grants, rows)
}

// turn runs one of them once. What is missing, or has failed or given something else, has no further turn: the others are
// worth their time all the same.
func (c *contest) turn(r *standing) {
	if r.run == nil {
		return
	}
	took, verdict, err := r.run()
	var missing notHere
	switch {
	case errors.As(err, &missing):
		verdict = err.Error()
	case err != nil:
		c.t.Errorf("%s at %s transactions: %v", r.title, grouped(c.size), err)
		verdict = "FAILED"
	default:
		r.rounds = append(r.rounds, took)
	}
	r.verdict = verdict
	if err != nil || verdict == differs {
		r.run = nil
	}
}

// writeCSV writes the delivery as CSV, in a folder that accrue can read too.
func (c *contest) writeCSV(base task) {
	c.csv = filepath.Join(c.work, "exports", "date="+date)
	if err := os.MkdirAll(c.csv, 0o755); err != nil {
		c.t.Fatal(err)
	}
	base.Kind, base.Script, base.Out = "script", filepath.Join(c.sources, "csv.sql"), c.csv
	c.must(runChild(base))
	if err := os.WriteFile(filepath.Join(c.csv, "_SUCCESS"), nil, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// program runs the peer written in Go with one of its engines; building it is not counted.
func (c *contest) program(engine, out string) (measurement, error) {
	if c.binary == "" {
		binary := filepath.Join(c.work, "peers.bin")
		build := exec.Command("go", "build", "-o", binary, ".")
		build.Dir = c.sources
		if _, err := runCommand(build); err != nil {
			return measurement{}, err
		}
		c.binary = binary
	}
	return run(c.binary, engine, c.csv, date, out)
}

// sqlite runs sqlite.sql in the command line of SQLite, on a database file of its own.
func (c *contest) sqlite(out string) (measurement, error) {
	shell, err := exec.LookPath("sqlite3")
	if err != nil {
		return measurement{}, notHere("no sqlite3 in PATH")
	}
	script, err := c.script("sqlite.sql", out)
	if err != nil {
		return measurement{}, err
	}
	database := filepath.Join(c.work, "peers.sqlite")
	defer c.clean(database)
	cmd := exec.Command(shell, "-batch", "-bail", database)
	cmd.Stdin = strings.NewReader(script)
	return runCommand(cmd)
}

// script is a script of fixtures/bench/peers for this delivery.
func (c *contest) script(name, out string) (string, error) {
	text, err := os.ReadFile(filepath.Join(c.sources, name))
	return strings.NewReplacer("{exports}", c.csv, "{date}", date, "{out}", out, "{threads}", strconv.Itoa(threads())).
		Replace(string(text)), err
}

func (c *contest) reportPeers(grants int64, rows []standing) {
	var out strings.Builder
	fmt.Fprintf(&out, "\ntwo-rules and what people use instead, %s transactions, %s lines, %s grants; %d threads\n",
		grouped(c.size), grouped(2*c.size), grouped(grants), threads())
	if n := rounds(c.t); n > 1 {
		fmt.Fprintf(&out, "%d rounds, in each every one of them once; shown is the middle one by seconds, and the fastest and the slowest.\n", n)
	}
	out.WriteString("accrue reads the delivery as Parquet, whole, and writes Parquet. The peers read the same rows of the four datasets that\n" +
		"the rules need as CSV, and write CSV. Making that CSV, building the programs and starting the server are not counted,\n" +
		"in the peers' favour. PostgreSQL's peak is that of all its processes together, looked at twice a second.\n\n")
	fmt.Fprintf(&out, "  %-24s %9s %15s %9s %12s %9s  %s\n", "", "seconds", "from to", "× accrue", "CPU seconds", "peak MB", "grants")
	for _, r := range rows {
		if len(r.rounds) == 0 {
			fmt.Fprintf(&out, "  %-24s %9s %15s %9s %12s %9s  %s\n", r.title, "-", "-", "-", "-", "-", r.verdict)
			continue
		}
		peak := "-"
		if r.took.peakKB > 0 {
			peak = grouped(r.took.peakKB / 1024)
		}
		fmt.Fprintf(&out, "  %-24s %9.2f %7.2f %7.2f %9.2f %12.2f %9s  %s\n", r.title, r.took.seconds, r.rounds[0].seconds,
			r.rounds[len(r.rounds)-1].seconds, r.took.seconds/rows[0].took.seconds, r.took.cpu, peak, r.verdict)
	}
	c.t.Log(out.String())
}
