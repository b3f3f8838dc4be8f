package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

const head = "transaction_id,member_id,occurred_at,amount\n"

// bomb returns a gzip of head and then of a block many times: 2 MB or less of what unpacks to 2 GiB.
func bomb(t *testing.T, block string) []byte {
	t.Helper()
	var member, out bytes.Buffer
	pack := func(b *bytes.Buffer, text string) {
		w, err := gzip.NewWriterLevel(b, gzip.BestCompression)
		must(t, err)
		must(t, second(w.Write([]byte(text))))
		must(t, w.Close())
	}
	pack(&out, head)
	pack(&member, strings.Repeat(block, 16<<20/len(block)))
	for range 128 {
		out.Write(member.Bytes())
	}
	if out.Len() > 3<<20 {
		t.Fatalf("the bomb has %d bytes", out.Len())
	}
	return out.Bytes()
}

// What asks for too much is refused by name, soon, and without much memory.
func TestBombs(t *testing.T) {
	root, want := t.TempDir(), map[string]string{}
	for _, c := range []struct {
		name, want string
		put        func(p *project)
	}{
		{"blank lines", "unpacks to more than 200 times its size of ", func(p *project) {
			p.putBytes("2026-11-20", "transactions.csv.gz", bomb(t, "\n"))
		}},
		{"zeros", "transactions.csv.gz:2: the record that begins here is longer than 1048576 bytes (max_line)", func(p *project) {
			p.putBytes("2026-11-20", "transactions.csv.gz", bomb(t, "\x00"))
		}},
		{"blank lines as JSON", "unpacks to more than 200 times its size of ", func(p *project) {
			p.putBytes("2026-11-20", "transactions.ndjson.gz", bomb(t, "\n"))
		}},
		{"an Arrow file", "transactions.arrow.gz: unpacks to more than 200 times", func(p *project) {
			p.putBytes("2026-11-20", "transactions.arrow.gz", bomb(t, "\n"))
		}},
		{"one line of 300 MB", "transactions.csv:2: the record that begins here is longer than 1048576 bytes (max_line)", func(p *project) {
			p.put("2026-11-20", "transactions.csv", head+strings.Repeat("x", 300_000_000))
		}},
		{"one JSON line of 300 MB", "transactions.ndjson:1: the record that begins here is longer than 1048576 bytes (max_line)", func(p *project) {
			p.put("2026-11-20", "transactions.ndjson", `{"transaction_id":"`+strings.Repeat("x", 300_000_000))
		}},
		{"JSON 20,000 deep", "1 of 2 rows of transactions rejected (bad_row 1); the limit is 0", func(p *project) {
			p.put("2026-11-20", "transactions.ndjson", `{"transaction_id":"t1","occurred_at":"2026-11-20T10:00","amount":1}`+"\n"+
				`{"transaction_id":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+"}")
		}},
		{"10,000 columns", "transactions.csv:1: it has 10004 columns; 1000 are possible", func(p *project) {
			var more strings.Builder
			for i := range 10_000 {
				fmt.Fprintf(&more, ",c%d", i)
			}
			p.put("2026-11-20", "transactions.csv", strings.TrimSpace(head)+more.String()+"\n")
		}},
		{"a long control.json", "control.json: is longer than 1048576 bytes", func(p *project) {
			p.put("2026-11-20", "transactions.csv", head)
			p.put("2026-11-20", "control.json", `{"transactions": {"rows": 0}}`+strings.Repeat(" ", 1<<20))
		}},
	} {
		p := &project{t: t, dir: filepath.Join(root, c.name)}
		p.o.ExportsDir = filepath.Join(p.dir, "exports")
		c.put(p)
		p.put("2026-11-20", "_SUCCESS", "")
		want[c.name] = c.want
	}
	got := measure(t, root)
	for name, text := range want {
		if !strings.Contains(got[name].Refused, text) {
			t.Errorf("%s: got %q, want %s", name, got[name].Refused, text)
		}
	}
	t.Log(heaviest(got))
}

// A file with more rows than are allowed is refused.
func TestTooManyRows(t *testing.T) {
	p := newProject(t)
	p.o.Bounds.Rows = 5
	p.deliver("2026-11-20", map[string]string{"transactions.csv": head + strings.Repeat("t1,m1,2026-11-20T10:00,1\n", 6)})
	if got := p.refused(); !strings.Contains(got, "transactions.csv: holds more than 5 rows (max_rows)") {
		t.Error(got)
	}
}

// JSON that is nested deep is a bad row.
func TestDeepJSON(t *testing.T) {
	p := newProject(t)
	sound := `{"transaction_id":"t1","occurred_at":"2026-11-20T10:00","amount":1,"more":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `,"text":"[[[["}`
	p.put("2026-11-20", "transactions.ndjson", sound+"\n"+
		strings.Replace(strings.Replace(sound, "t1", "t2", 1), "[]", "[[]]", 1)+"\n"+
		`{"transaction_id":"t3","more":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+"}\n")
	p.put("2026-11-20", "_SUCCESS", "")
	p.load()
	if got := strings.Join(p.rejects(), " "); got != "transactions|2|bad_row transactions|3|bad_row" {
		t.Errorf("rejected %s", got)
	}
	if got := p.rows("SELECT DISTINCT detail FROM rejects"); len(got) != 1 || got[0] != "nested deeper than 100" {
		t.Errorf("the details are %q", got)
	}
}

// A small file of equal rows packs more than two hundredfold, and is none the worse for it.
func TestEqualRowsPackWell(t *testing.T) {
	p := newProject(t)
	p.put("2026-11-20", "transactions.csv.gz", head+strings.Repeat("t1,m1,2026-11-20T10:00,1\n", 100_000))
	p.put("2026-11-20", "_SUCCESS", "")
	if res := p.load(); res.Deliveries[0].Datasets[0].Duplicate != 99_999 {
		t.Errorf("%+v", res.Deliveries[0].Datasets[0].Figures)
	}
}

// Links, devices, FIFOs and folders in a delivery are refused, wherever they lead, and nothing waits for them.
func TestOnlyFilesAreRead(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.csv")
	must(t, os.WriteFile(outside, []byte(head+"secret,m1,2026-11-20T10:00,1\n"), 0o600))
	for want, make := range map[string]func(path string) error{
		"is a link; exports are files": func(path string) error { return os.Symlink(outside, path) },
		"is a FIFO; exports are files": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"is a socket; exports are files": func(path string) error {
			l, err := net.Listen("unix", path)
			if err == nil {
				l.(*net.UnixListener).SetUnlinkOnClose(false)
				err = l.Close()
			}
			return err
		},
	} {
		for _, name := range []string{"transactions.csv", "transactions.parquet", "control.json", "_SUCCESS", "stores.csv.gz"} {
			p := newProject(t)
			p.put("2026-11-20", "activities.csv", "activity_id,member_id,type,occurred_at\n")
			path := filepath.Join(p.o.ExportsDir, "date=2026-11-20", name)
			if err := make(path); err != nil {
				// A socket's path is short; where the folder's is not, there is nothing to see.
				if errors.Is(err, syscall.EINVAL) {
					continue
				}
				t.Fatal(err)
			}
			if got := p.refused(); !strings.HasSuffix(got, name+": "+want) {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
	}
	p := newProject(t)
	p.deliver("2026-11-19", map[string]string{"transactions.csv": head})
	must(t, os.Symlink(filepath.Join(p.o.ExportsDir, "date=2026-11-19"), filepath.Join(p.o.ExportsDir, "date=2026-11-20")))
	if got := p.refused(); !strings.Contains(got, "date=2026-11-20: a delivery is a folder, and not a link to one") {
		t.Error(got)
	}
}

// A file that becomes a link after it was listed is refused too.
func TestAFileThatBecomesALink(t *testing.T) {
	p := newProject(t)
	p.deliver("2026-11-20", map[string]string{"transactions.csv": head})
	path := filepath.Join(p.o.ExportsDir, "date=2026-11-20", "transactions.csv")
	must(t, os.Rename(path, filepath.Join(p.dir, "elsewhere.csv")))
	must(t, os.Symlink(filepath.Join(p.dir, "elsewhere.csv"), path))
	if f, err := openExport(path); err == nil {
		f.Close()
		t.Error("it was opened")
	} else if !strings.HasSuffix(err.Error(), "is a link; exports are files") {
		t.Error(err)
	}
}

// Reading stops soon when it is told to.
func TestReadingStops(t *testing.T) {
	p := newProject(t)
	var text strings.Builder
	text.WriteString(head)
	for i := range 2_000_000 {
		fmt.Fprintf(&text, "t%d,m1,2026-11-20T10:00,1\n", i)
	}
	p.deliver("2026-11-20", map[string]string{"transactions.csv": text.String()})
	ctx, cancel := context.WithCancel(t.Context())
	var stopped time.Time
	p.o.Progress = func(what string) {
		if strings.HasPrefix(what, "reading ") && stopped.IsZero() {
			stopped = time.Now()
			cancel()
		}
	}
	_, err := Load(ctx, p.db, p.o)
	if !errors.Is(err, context.Canceled) || stopped.IsZero() || time.Since(stopped) > time.Second {
		t.Errorf("ended with %v after %s", err, time.Since(stopped))
	}
}
