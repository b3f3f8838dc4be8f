package jobs

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/warehouse"
)

// secret is what stands in the file that nobody may read.
const secret = "what-nobody-may-read"

// attacks are texts that would be run, or lead somewhere, if they were ever taken for more than texts. OUT is a folder
// beside the project.
var attacks = []string{
	"'; COPY (SELECT 1) TO 'OUT/ran'; --", "\"; ATTACH 'OUT/ran.duckdb' AS x; --", "' || (SELECT content FROM read_text('OUT/secret')) || '",
	"'); DROP TABLE ledger; --", "$$; INSTALL httpfs; LOAD httpfs; $$", "OUT/secret", "../out/secret", "\\'; SELECT 1/0; --\\", "*/ DELETE FROM ledger /*",
	"?1 $1 :a {{.}} ${HOME} %s %n", "\"\"'';;--", "a\nb'; SET enable_external_access = true; --",
}

// hostile is one hostile program or delivery.
type hostile struct {
	name string
	// files by path from the project's folder, over those of a project that pays 1 point per visit; "" takes one away.
	files map[string]string
	make  func(p *Project, out string) error // what no text is; nil for nothing
	// refused is what the refusal must say; "" where the night is to publish these grants, as member and source.
	refused string
	grants  []string
}

const hostileProgram = "program: p\nversion: 1\neffective_from: 2026-01-01\ncurrency: INR\ntime_zone: UTC\n%srules:\n  - {id: base, kind: visit, earn: 1%s}\n"

const (
	inDelivery   = "exports/date=2026-11-20/"
	transactions = inDelivery + "transactions.csv"
	programFile  = "programs/p.yaml"
)

// csvText writes rows of CSV.
func csvText(rows ...[]string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.WriteAll(rows) // into memory
	return b.String()
}

// yamlList writes texts as a list of YAML, which JSON is.
func yamlList(texts []string) string {
	b, _ := json.Marshal(texts) // of texts
	return string(b)
}

// hostileValues are deliveries with an attack in every column that takes texts, in every form.
func hostileValues(t *testing.T, out string) []hostile {
	var list []hostile
	db, err := warehouse.Open(t.Context(), warehouse.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, attack := range attacks {
		attack = strings.ReplaceAll(attack, "OUT", out)
		head := []string{"transaction_id", "member_id", "occurred_at", "amount", "store_id", "channel", attack}
		row := []string{attack, attack, "2026-11-20T10:00", "100", attack, attack, attack}
		files := map[string]string{
			inDelivery + "members.csv":    csvText([]string{"member_id", "tier", "tags"}, []string{attack, attack, strings.ReplaceAll(attack, ";", " ")}),
			inDelivery + "stores.csv":     csvText([]string{"store_id", "region"}, []string{attack, attack}),
			inDelivery + "items.csv":      csvText([]string{"transaction_id", "line_no", "item_id", "category", "amount"}, []string{attack, "1", attack, attack, "100"}),
			inDelivery + "activities.csv": csvText([]string{"activity_id", "member_id", "type", "occurred_at", "subject"}, []string{attack, attack, attack, "2026-11-20T10:00", attack}),
			transactions:                  csvText(head, row),
		}
		h := hostile{name: fmt.Sprintf("values %d", i), files: files, grants: []string{attack + " " + attack}}
		switch i % 3 { // every attack in one form, every form with several
		case 1:
			values := map[string]string{}
			for j, name := range head {
				values[name] = row[j]
			}
			b, err := json.Marshal(values)
			if err != nil {
				t.Fatal(err)
			}
			files[transactions], files[inDelivery+"transactions.ndjson"] = "", string(b)
		case 2:
			path := filepath.Join(t.TempDir(), "x.parquet")
			if _, err := db.Exec(t.Context(), fmt.Sprintf("COPY (SELECT %s AS transaction_id, %[1]s AS member_id, TIMESTAMP '2026-11-20 10:00:00' AS occurred_at, "+
				"100 AS amount, %[1]s AS channel, 1 AS %[2]s) TO %[3]s (FORMAT parquet)", warehouse.Literal(attack), warehouse.Ident(attack), warehouse.Literal(path))); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[transactions], files[inDelivery+"transactions.parquet"] = "", string(b)
		}
		list = append(list, h)
	}
	return list
}

// hostilePrograms are programs with all attacks in every place that takes a text, and with one where an id belongs.
func hostilePrograms(out string) []hostile {
	var texts []string
	rows := [][]string{{"transaction_id", "member_id", "occurred_at", "amount", "store_id", "channel"}}
	members, stores := [][]string{{"member_id", "tier", "tags"}}, [][]string{{"store_id", "region"}}
	items := [][]string{{"transaction_id", "line_no", "item_id", "category", "brand", "amount"}}
	acts := [][]string{{"activity_id", "member_id", "type", "occurred_at", "subject"}}
	var paid, acted []string
	for i, attack := range attacks {
		attack = strings.ReplaceAll(attack, "OUT", out)
		m, id := fmt.Sprintf("m%02d", i), fmt.Sprintf("t%02d", i)
		texts = append(texts, attack)
		rows = append(rows, []string{id, m, "2026-11-20T10:00", "100", attack, attack})
		members = append(members, []string{m, attack, strings.ReplaceAll(attack, ";", " ")})
		stores = append(stores, []string{attack, attack})
		items = append(items, []string{id, "1", attack, attack, attack, "100"})
		acts = append(acts, []string{id, m, attack, "2026-11-20T10:00", attack})
		paid, acted = append(paid, m+" "+id), append(acted, m+" "+id)
	}
	tags := make([]string, len(texts))
	tiers, codes, bySubject, earnByTier := "default_tier: plain\ntiers: [{id: plain}", map[string]any{}, map[string]string{}, map[string]string{}
	for i, text := range texts {
		tags[i] = strings.ReplaceAll(text, ";", " ")
		if len(text) <= 64 { // a tier's name is no longer
			tiers += ", {id: " + strings.Trim(yamlList([]string{text}), "[]") + "}"
			earnByTier[text] = "1"
		}
		codes[text], bySubject[text] = map[string]any{"earn": json.Number("1")}, "1"
	}
	var short []string
	for i, text := range texts {
		if earnByTier[text] != "" {
			short = append(short, paid[i])
		}
	}
	object := func(v any) string {
		b, _ := json.Marshal(v) // of texts
		return strings.ReplaceAll(string(b), `"1"`, "1")
	}
	files := map[string]string{
		transactions: csvText(rows...), inDelivery + "members.csv": csvText(members...), inDelivery + "stores.csv": csvText(stores...),
		inDelivery + "items.csv": csvText(items...), inDelivery + "activities.csv": csvText(acts...),
	}
	var list []hostile
	add := func(name, frame, rule, refused string, grants []string) {
		all := map[string]string{programFile: fmt.Sprintf(hostileProgram, frame, rule)}
		for path, text := range files {
			all[path] = text
		}
		list = append(list, hostile{name: "program: " + name, files: all, refused: refused, grants: grants})
	}
	all := yamlList(texts)
	add("name", "name: "+strings.Trim(yamlList(texts[:1]), "[]")+"\n", "", "", paid)
	add("description", "", ", description: "+strings.Trim(yamlList(texts[1:2]), "[]"), "", paid)
	add("tiers", tiers+"]\n", ", when: {tiers: "+strings.ReplaceAll(yamlList(keys(earnByTier)), "\n", "")+"}", "", short)
	add("tags", "", ", when: {tags: "+yamlList(tags)+"}", "", paid)
	add("stores", "", ", when: {stores: "+all+"}", "", paid)
	add("regions", "", ", when: {regions: "+all+"}", "", paid)
	add("channels", "", ", when: {channels: "+all+"}", "", paid)
	add("items", "", ", items: {include: {item_id: "+all+"}}", "", paid)
	add("categories", "", ", items: {include: {category: "+all+", brand: "+all+"}}", "", paid)
	add("best of", "", ", best_of: "+strings.Trim(yamlList(texts[2:3]), "[]"), "", paid)
	add("activities", "", "}\n  - {id: act, kind: activity, earn: 2, on: "+all, "", append(append([]string{}, paid...), acted...))
	add("subjects", "", "}\n  - {id: act, kind: activity, on: "+all+", earn_by_subject: "+object(bySubject), "", append(append([]string{}, paid...), acted...))
	add("codes", "", "}\n  - {id: code, kind: gift_code, codes: "+object(codes), "", paid)
	add("zone", "time_zone: ../../etc/passwd\n", "", "time_zone", nil)
	for _, i := range []int{3, 8, 10} { // short enough for an id
		text := texts[i]
		text = strings.Trim(yamlList([]string{text}), "[]")
		list = append(list, hostile{name: fmt.Sprintf("program: id %d", i), refused: "cannot be",
			files: map[string]string{programFile: strings.Replace(fmt.Sprintf(hostileProgram, "", ""), "program: p", "program: "+text, 1)}},
			hostile{name: fmt.Sprintf("program: rule %d", i), refused: "cannot be",
				files: map[string]string{programFile: strings.Replace(fmt.Sprintf(hostileProgram, "", ""), "id: base", "id: "+text, 1)}},
			hostile{name: fmt.Sprintf("program: reward %d", i), refused: "cannot be",
				files: map[string]string{programFile: fmt.Sprintf(hostileProgram, "rewards: {"+text+": {scale: 0}}\n", "")}})
	}
	for _, id := range []string{"..", ".", "../out", "/etc"} {
		list = append(list, hostile{name: "program: id " + id, refused: "cannot be",
			files: map[string]string{programFile: strings.Replace(fmt.Sprintf(hostileProgram, "", ""), "program: p", "program: "+id, 1)}})
	}
	return list
}

func keys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

// hostilePaths are names that lead elsewhere, and what is no file.
func hostilePaths(out string) []hostile {
	codes := func(path string) map[string]string {
		return map[string]string{programFile: fmt.Sprintf(hostileProgram, "", "}\n  - {id: codes, kind: gift_code, codes_file: "+path)}
	}
	link := func(name, to string) func(*Project, string) error {
		return func(p *Project, out string) error {
			return os.Symlink(filepath.Join(out, to), filepath.Join(p.Dir, name))
		}
	}
	fifo := func(name string) func(*Project, string) error {
		return func(p *Project, _ string) error { return syscall.Mkfifo(filepath.Join(p.Dir, name), 0o600) }
	}
	list := []hostile{
		{name: "codes above", files: codes("../../out/secret"), refused: "it lies outside of the project"},
		{name: "codes elsewhere", files: codes(out + "/secret"), refused: "it lies outside of the project"},
		{name: "codes of a device", files: codes("/dev/zero"), refused: "it lies outside of the project"},
		{name: "a link to codes", files: codes("codes.csv"), make: link("programs/codes.csv", "secret"), refused: "it lies outside of the project"},
		{name: "a FIFO of codes", files: codes("codes.csv"), make: fifo("programs/codes.csv"), refused: "it is a FIFO"},
		{name: "a link to a program", make: link("programs/q.yaml", "secret"), refused: "it lies outside of the project"},
		{name: "a FIFO as a program", make: fifo("programs/q.yaml"), refused: "is a FIFO, and not a file"},
		{name: "a link to a file", files: map[string]string{transactions: ""}, make: link(transactions, "secret"), refused: "is a link; exports are files"},
		{name: "a link to Parquet", make: link(inDelivery+"items.parquet", "secret"), refused: "is a link; exports are files"},
		{name: "a link to Arrow", make: link(inDelivery+"items.arrow", "secret"), refused: "is a link; exports are files"},
		{name: "a link to control", make: link(inDelivery+"control.json", "secret"), refused: "is a link; exports are files"},
		{name: "a link to a folder", make: link("exports/date=2026-11-19", "."), refused: "a delivery is a folder, and not a link to one"},
		{name: "a link among others", make: link(inDelivery+"notes.txt", "secret"), refused: "is a link; exports are files"},
		{name: "a FIFO", make: fifo(inDelivery + "items.csv"), refused: "is a FIFO; exports are files"},
		{name: "a FIFO of Parquet", make: fifo(inDelivery + "items.parquet"), refused: "is a FIFO; exports are files"},
		{name: "a FIFO that says it is done", files: map[string]string{inDelivery + "_SUCCESS": ""}, make: fifo(inDelivery + "_SUCCESS"), refused: "is a FIFO; exports are files"},
		{name: "a date that is none", files: map[string]string{"exports/date=2026-11-20'; DROP TABLE ledger; --/_SUCCESS": "x"}, refused: "the name of a delivery is date=YYYY-MM-DD"},
		{name: "a date with a way out", files: map[string]string{"exports/date=../_SUCCESS": "x"}, refused: "the name of a delivery is date=YYYY-MM-DD"},
		{name: "control", files: map[string]string{inDelivery + "control.json": `{"transactions": {"rows": "1; DROP TABLE ledger"}, "'; DROP TABLE ledger; --": {}}`}, refused: "is no dataset"},
	}
	for i, name := range []string{
		"transactions'; COPY (SELECT 1) TO 'ran'; --.csv", "transactions\"; DROP TABLE ledger; --.csv", "transactions*.csv", "transactions[a-z]?.csv", "transactions\n;.csv", "transactions%s$(touch ran)`id`.csv",
	} {
		h := hostile{name: fmt.Sprintf("file name %d", i), grants: []string{"m1 t1"}, files: map[string]string{
			transactions: "", inDelivery + name: csvText([]string{"transaction_id", "member_id", "occurred_at", "amount"}, []string{"t1", "m1", "2026-11-20T10:00", "100"})}}
		list = append(list, h)
	}
	list = append(list, hostile{name: "program name", grants: []string{"m1 t1"}, files: map[string]string{
		programFile: "", "programs/'; DROP TABLE ledger; --.yaml": fmt.Sprintf(hostileProgram, "", "")}})
	return list
}

// watch tells what of a folder's files is opened or read while fn runs.
func watch(t *testing.T, dir string, fn func()) bool {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	for _, path := range []string{dir, filepath.Join(dir, "secret")} {
		if _, err := syscall.InotifyAddWatch(fd, path, syscall.IN_OPEN|syscall.IN_ACCESS|syscall.IN_CREATE|syscall.IN_MODIFY|syscall.IN_DELETE); err != nil {
			t.Fatal(err)
		}
	}
	fn()
	var event [4096]byte
	n, err := syscall.Read(fd, event[:])
	if err != nil && !errors.Is(err, syscall.EAGAIN) {
		t.Fatal(err)
	}
	return n >= int(unsafe.Sizeof(syscall.InotifyEvent{}))
}

// Hostile programs and deliveries: nothing in them is ever run, and nothing outside of the project is opened or
// changed. What is only a text is paid for as one.
func TestHostileProgramsAndDeliveries(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	write(t, filepath.Join(out, "secret"), secret)
	if !watch(t, out, func() { _, _ = os.ReadFile(filepath.Join(out, "secret")) }) {
		t.Fatal("the watch does not notice what is read")
	}
	list := append(append(hostileValues(t, out), hostilePrograms(out)...), hostilePaths(out)...)
	if len(list) < 50 {
		t.Errorf("only %d hostile programs and deliveries", len(list))
	}
	for _, h := range list {
		t.Run(h.name, func(t *testing.T) {
			p := hostileProject(t, h, out)
			var s *Summary
			var err error
			if watch(t, out, func() {
				d := day(t, "2026-11-20")
				s, err = Run(t.Context(), p, RunOptions{Date: &d})
			}) {
				t.Errorf("something outside of the project was touched (%v)", err)
			}
			if left, lerr := os.ReadDir(out); lerr != nil || len(left) != 1 {
				t.Errorf("outside of the project there is %v (%v)", left, lerr)
			}
			noSecret(t, p, fmt.Sprint(s, err))
			if h.refused != "" {
				if err == nil || !strings.Contains(err.Error(), h.refused) {
					t.Errorf("got %v, want %q", err, h.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(h.grants, granted(t, p)); diff != "" {
				t.Errorf("granted (-want +got):\n%s", diff)
			}
			noFindings(t, p)
		})
	}
	t.Logf("%d hostile programs and deliveries", len(list))
}

// hostileProject is a project beside the folder, with what is hostile in it.
func hostileProject(t *testing.T, h hostile, out string) *Project {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(out), "project-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	files := map[string]string{
		SettingsName: "threads: 1\n", programFile: fmt.Sprintf(hostileProgram, "", ""), inDelivery + "_SUCCESS": "done",
		transactions: csvText([]string{"transaction_id", "member_id", "occurred_at", "amount"}, []string{"t1", "m1", "2026-11-20T10:00", "100"}),
	}
	for path, text := range h.files {
		files[path] = text
	}
	for path, text := range files {
		if text != "" {
			write(t, filepath.Join(dir, path), text)
		}
	}
	p := open(t, dir)
	if h.make != nil {
		if err := h.make(p, out); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// granted lists member and source of all grants, in order.
func granted(t *testing.T, p *Project) []string {
	t.Helper()
	var list []string
	read(t, p, func(db *warehouse.DB) {
		var member, source string
		if err := db.Each(t.Context(), "SELECT member_id, source_id FROM ledger ORDER BY rule DESC, member_id", nil, []any{&member, &source}, func() error {
			list = append(list, member+" "+source)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
	return list
}

// noSecret looks for the secret in what was said and in every file of the project.
func noSecret(t *testing.T, p *Project, said string) {
	t.Helper()
	err := filepath.WalkDir(p.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		said += string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said, secret) {
		t.Error("the secret has come into the project")
	}
}
