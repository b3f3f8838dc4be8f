//go:build bench

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"accrue/pipeline/warehouse"
)

// childEnv makes the test binary do one task and end. Everything heavy happens in children: the peak memory that the
// system reports for a process starts with that of the process that started it, so this one has to stay small.
const childEnv = "BENCH_CHILD"

// task is what a child does, as JSON in its environment.
type task struct {
	Kind    string // generate, script, compare, reference or reconcile
	Exports string // generate: the exports folder; else the delivery's
	Work    string // where to spill; reference, reconcile: the project
	Program string
	Script  string
	Out     string // script: the result; compare: one side
	Other   string // compare: the other side
	Full    bool   // compare: every row
	Size    int64  // transactions
	Grants  int64  // floor: rows to write
	// acknowledgements: the published file; Other is that of the acknowledgements
	GrantsFile string
	Warehouse  string // reference: that of the run; else one in memory is opened
}

// measurement is what one process took.
type measurement struct {
	seconds float64 // from start to end
	cpu     float64 // seconds on all cores, in the program and in the system: steady where the machine is busy
	peakKB  int64   // largest resident memory
	output  []byte  // standard output
}

func runChild(t task) (measurement, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return measurement{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return measurement{}, err
	}
	return run("env", childEnv+"="+string(text), self)
}

// run runs a process and waits for it.
func run(name string, args ...string) (measurement, error) {
	return runCommand(exec.Command(name, args...))
}

// runCommand is run for a command whose streams, folder or user are set already.
func runCommand(cmd *exec.Cmd) (measurement, error) {
	var stdout, stderr bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &stdout
	}
	cmd.Stderr = &stderr
	start := time.Now()
	err := cmd.Run()
	m := measurement{seconds: time.Since(start).Seconds(), output: stdout.Bytes()}
	if err != nil {
		return m, fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, stdout.String(), stderr.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return m, errors.New("the system does not tell a process's peak memory")
	}
	m.cpu, m.peakKB = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), usage.Maxrss
	return m, nil
}

// child does a task and returns the process's exit code.
func child(text string) int {
	var t task
	err := json.Unmarshal([]byte(text), &t)
	if err == nil {
		ctx := context.Background()
		switch t.Kind {
		case "generate":
			err = generateChild(ctx, t)
		case "script":
			err = scriptChild(ctx, t)
		case "compare":
			err = compareChild(ctx, t)
		case "reference":
			err = referenceChild(ctx, t)
		case "reconcile":
			err = reconcileChild(ctx, t)
		default:
			err = fmt.Errorf("unknown task %q", t.Kind)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// session opens DuckDB as accrue is told to use it, with room to spill: in memory, or on a warehouse that is only read.
func session(ctx context.Context, t task) (*warehouse.DB, error) {
	return warehouse.Open(ctx, warehouse.Options{
		Path: t.Warehouse, ReadOnly: t.Warehouse != "",
		MemoryLimit: memoryLimit, Threads: threads(), TempDir: filepath.Join(t.Work, "spill"),
	})
}

// scriptChild runs a script of fixtures/bench.
func scriptChild(ctx context.Context, t task) error {
	text, err := os.ReadFile(t.Script)
	if err != nil {
		return err
	}
	db, err := session(ctx, t)
	if err != nil {
		return err
	}
	copies := int64(1)
	if t.Size > 0 {
		// The first transactions are few enough to leave some over: late, pending and given back.
		copies = t.Grants/t.Size + 1
	}
	script := strings.NewReplacer("{exports}", t.Exports, "{date}", date, "{out}", t.Out, "{codec}", codec, "{program}",
		t.Program, "{grants_file}", t.GrantsFile, "{acks}", acksTable(t.Other), "{format}",
		strings.TrimPrefix(filepath.Ext(t.Out), "."), "{grants}", strconv.FormatInt(t.Grants, 10), "{copies}", strconv.FormatInt(copies, 10)).Replace(string(text))
	for _, s := range strings.Split(script, ";\n") {
		start := time.Now()
		if strings.TrimSpace(s) == "" {
			continue
		}
		if _, err := db.Exec(ctx, s); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", t.Script, err), db.Close())
		}
		if os.Getenv("BENCH_LAPS") != "" {
			fmt.Fprintf(os.Stderr, "%6.2f s  %.60s\n", time.Since(start).Seconds(), strings.ReplaceAll(strings.TrimSpace(s), "\n", " "))
		}
	}
	return db.Close()
}

// acksTable reads a file of acknowledgements.
func acksTable(path string) string {
	if filepath.Ext(path) == ".csv" {
		return "read_csv('" + path + "', header = true, columns = {'grant_id': 'VARCHAR', 'status': 'VARCHAR', 'amount': 'DECIMAL(18, 4)', " +
			"'posted_at': 'VARCHAR', 'reason': 'VARCHAR'})"
	}
	return "read_parquet('" + path + "')"
}

// codec compresses both results, as accrue's Parquet is.
const codec = "snappy"

// comparison is what compareChild found, or referenceChild.
type comparison struct {
	Members     int64 // of a sample; 0 for all
	Grants      int64
	Differences []string
}

// columns of a grant file but its id, made the same for any way in which they may be typed.
var columns = []string{
	"program", "program_version::INTEGER", "member_id", "rule", "reward", "amount::DECIMAL(19, 4)", "kind", "source_type",
	"source_id", "epoch_us(earned_at)", "earned_on::DATE", "posted_on::DATE", "available_on::DATE", "expires_on::DATE",
	"reason",
}

// compareChild holds the result by hand against accrue's.
func compareChild(ctx context.Context, t task) error {
	db, err := session(ctx, t)
	if err != nil {
		return err
	}
	defer db.Close()
	found := comparison{}
	for name, file := range map[string]string{"hand": t.Out, "accrue": t.Other} {
		if _, err := db.Exec(ctx, "CREATE VIEW "+name+" AS "+grantRows(file)); err != nil {
			return err
		}
	}
	if err := db.QueryRow(ctx, "SELECT count(*) FROM hand").Scan(&found.Grants); err != nil {
		return err
	}
	const byRule = "SELECT rule, reason, count(*) AS n, CAST(sum(amount) AS VARCHAR) AS amount FROM "
	if err := gather(ctx, db, &found, "sums by rule and reason", `SELECT concat_ws(' ', rule, reason, 'by hand', h.n, h.amount,
		'accrue', a.n, a.amount) FROM (`+byRule+`hand GROUP BY ALL) h FULL JOIN (`+byRule+`accrue GROUP BY ALL) a
		USING (rule, reason) WHERE (h.n, h.amount) IS DISTINCT FROM (a.n, a.amount) ORDER BY ALL`); err != nil {
		return err
	}
	if t.Full {
		if err := compareRows(ctx, db, &found); err != nil {
			return err
		}
	}
	for _, name := range []string{"hand", "accrue"} {
		// The first rows are many row groups, and where order is lost it is lost between those.
		query := `SELECT grant_id FROM (SELECT member_id, earned_at, grant_id, lag(member_id) OVER w AS m, lag(earned_at) OVER w
			AS e, lag(grant_id) OVER w AS g FROM ` + name + ` WHERE file_row_number < 1000000
			WINDOW w AS (ORDER BY file_row_number))
			WHERE m > member_id OR (m = member_id AND (e > earned_at OR (e = earned_at AND g >= grant_id))) LIMIT 5`
		if err := gather(ctx, db, &found, "out of order in "+name, query); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// grantRows reads a grant file with the rows' numbers. Not every writer of CSV tells an empty text from none.
func grantRows(file string) string {
	if filepath.Ext(file) != ".csv" {
		return "SELECT * FROM read_parquet(" + warehouse.Literal(file) + ", file_row_number = true)"
	}
	return "SELECT * REPLACE (coalesce(reason, '') AS reason), row_number() OVER () AS file_row_number FROM read_csv(" +
		warehouse.Literal(file) + `, header = true, columns = {'grant_id': 'VARCHAR', 'program': 'VARCHAR',
		'program_version': 'INTEGER', 'member_id': 'VARCHAR', 'rule': 'VARCHAR', 'reward': 'VARCHAR', 'amount': 'DECIMAL(19, 4)',
		'kind': 'VARCHAR', 'source_type': 'VARCHAR', 'source_id': 'VARCHAR', 'earned_at': 'TIMESTAMP', 'earned_on': 'DATE',
		'posted_on': 'DATE', 'available_on': 'DATE', 'expires_on': 'DATE', 'reason': 'VARCHAR'})`
}

// compareRows adds the first rows that one side has and the other lacks or says otherwise.
func compareRows(ctx context.Context, db *warehouse.DB, found *comparison) error {
	for _, name := range []string{"hand", "accrue"} {
		if err := gather(ctx, db, found, "twice in "+name,
			"SELECT grant_id FROM "+name+" GROUP BY grant_id HAVING count(*) > 1 ORDER BY ALL LIMIT 5"); err != nil {
			return err
		}
	}
	list := strings.Join(columns, ", ")
	var differs, named []string
	for i := range columns {
		differs = append(differs, fmt.Sprintf("h.c%d IS DISTINCT FROM a.c%d", i, i))
		named = append(named, fmt.Sprintf("c%d", i))
	}
	side := func(name string) string {
		return "(SELECT grant_id, " + list + " FROM " + name + ") AS %(grant_id, " + strings.Join(named, ", ") + ")"
	}
	return gather(ctx, db, found, "a row differs", "SELECT concat_ws(' ', grant_id, 'by hand', CAST(h AS VARCHAR), 'accrue', CAST(a AS "+
		"VARCHAR)) FROM "+strings.Replace(side("hand"), "%", "h", 1)+" FULL JOIN "+strings.Replace(side("accrue"), "%", "a", 1)+
		" USING (grant_id) WHERE "+strings.Join(differs, " OR ")+" ORDER BY grant_id LIMIT 5")
}

// gather adds a line for each row of a query that should have none.
func gather(ctx context.Context, db *warehouse.DB, found *comparison, what, query string) error {
	var row string
	return db.Each(ctx, query, nil, []any{&row}, func() error {
		found.Differences = append(found.Differences, what+": "+row)
		return nil
	})
}
