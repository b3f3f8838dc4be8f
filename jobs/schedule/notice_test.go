package schedule

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"accrue/jobs"
)

// sender sends notices and keeps what failed.
func sender(t *testing.T) (*notices, *[]string) {
	t.Helper()
	var faults []string
	return &notices{dir: t.TempDir(), clock: jobs.WallClock{}, failed: func(n *Notice, hook string, err error) {
		faults = append(faults, fmt.Sprintf("%s %s: %v", n.Event, hook, err))
	}}, &faults
}

func success() *Notice {
	return &Notice{Event: jobs.EventSuccess, Job: "nightly", Date: "2026-11-20", Programs: []string{"jcb", "spa"}, State: "published",
		Run: "run-2026-11-20-001", Totals: &Totals{Grants: 42, RowsRead: 53, RowsRejected: 1}}
}

func TestCommandGetsTheTotals(t *testing.T) {
	t.Setenv("HOOK_KEY", "very secret")
	s, faults := sender(t)
	script := `cat > stdin.json; echo "$ACCRUE_EVENT|$ACCRUE_JOB|$ACCRUE_DATE|$ACCRUE_PROGRAMS|$ACCRUE_GRANTS|$ACCRUE_ROWS_READ|$ACCRUE_ROWS_REJECTED|$HOOK_KEY" > env`
	s.send(t.Context(), []jobs.HookConfig{
		{On: []string{jobs.EventSuccess}, Command: []string{"sh", "-c", script}, TimeLimit: time.Minute},
		{On: []string{jobs.EventFailure}, Command: []string{"touch", "never"}, KeyEnv: "HOOK_KEY", TimeLimit: time.Minute},
	}, success())
	if len(*faults) > 0 {
		t.Fatal(*faults)
	}
	env, err := os.ReadFile(filepath.Join(s.dir, "env"))
	if err != nil || string(env) != "success|nightly|2026-11-20|jcb,spa|42|53|1|\n" {
		t.Errorf("the environment is %q (%v)", env, err)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "stdin.json"))
	var got Notice
	if err != nil || json.Unmarshal(text, &got) != nil || got.Totals == nil || got.Totals.Grants != 42 || got.At == "" {
		t.Errorf("standard input is %s (%v)", text, err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "never")); !os.IsNotExist(err) {
		t.Error("a hook on failure hears of success")
	}
}

// A command that does not end is killed with what it has started.
func TestCommandIsKilledWithItsChildren(t *testing.T) {
	s, faults := sender(t)
	start := time.Now()
	s.send(t.Context(), []jobs.HookConfig{{On: []string{jobs.EventSuccess}, TimeLimit: 300 * time.Millisecond,
		Command: []string{"sh", "-c", "sleep 60 & echo $! > child; echo still here; wait"}}}, success())
	if spent := time.Since(start); spent > 5*time.Second {
		t.Errorf("it took %s", spent)
	}
	if len(*faults) != 1 || !strings.Contains((*faults)[0], "killed after its time limit of 300ms; it said:\nstill here") {
		t.Errorf("got %q", *faults)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for range 50 { // until it is reaped
		if err = syscall.Kill(pid, 0); err != nil || zombie(pid) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the command's child %d lives on", pid)
}

func zombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(text), ") Z ")
}

// When the scheduler is to stop, a hook has a second.
func TestCommandWhenStopping(t *testing.T) {
	s, faults := sender(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	s.send(ctx, []jobs.HookConfig{
		{On: []string{jobs.EventSuccess}, TimeLimit: time.Minute, Command: []string{"touch", "told"}},
		{On: []string{jobs.EventSuccess}, TimeLimit: time.Minute, Command: []string{"sleep", "60"}},
	}, success())
	if spent := time.Since(start); spent > 2*time.Second {
		t.Errorf("it took %s", spent)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "told")); err != nil {
		t.Error("what has happened was not told:", err)
	}
	if len(*faults) != 1 || !strings.Contains((*faults)[0], "as the scheduler stops") {
		t.Errorf("got %q", *faults)
	}
}

func TestCommandThatFails(t *testing.T) {
	s, faults := sender(t)
	s.send(t.Context(), []jobs.HookConfig{
		{On: []string{jobs.EventSuccess}, TimeLimit: time.Minute, Command: []string{"sh", "-c", "echo no route >&2; exit 3"}},
		{On: []string{jobs.EventSuccess}, TimeLimit: time.Minute, Command: []string{"/no/such/program"}},
	}, success())
	if len(*faults) != 2 || (*faults)[0] != "success sh: exit status 3; it said:\nno route" || !strings.Contains((*faults)[1], "no such file") {
		t.Errorf("got %q", *faults)
	}
}

// A webhook is signed, and tried again where that may help.
func TestWebhook(t *testing.T) {
	t.Setenv("HOOK_KEY", "very secret")
	var tries int
	var body []byte
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tries++
		body, _ = io.ReadAll(r.Body)
		header = r.Header
		if tries < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer server.Close()
	s, faults := sender(t)
	s.send(t.Context(), []jobs.HookConfig{{On: []string{jobs.EventSuccess}, URL: server.URL + "/in", KeyEnv: "HOOK_KEY", TimeLimit: time.Minute, Retries: 3}},
		success())
	if len(*faults) > 0 || tries != 3 {
		t.Fatalf("%d tries, %q", tries, *faults)
	}
	stamp, signature, ok := strings.Cut(header.Get(SignatureHeader), ",v1=")
	stamp = strings.TrimPrefix(stamp, "t=")
	mac := hmac.New(sha256.New, []byte("very secret"))
	fmt.Fprintf(mac, "%s.%s", stamp, body)
	if !ok || signature != hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("the signature is %q", header.Get(SignatureHeader))
	}
	var got Notice
	if json.Unmarshal(body, &got) != nil || got.Date != "2026-11-20" || got.Totals.Grants != 42 {
		t.Errorf("the body is %s", body)
	}
}

// The vector was worked out with openssl: printf '%s' '1795132800.{"a":1}' | openssl dgst -sha256 -hmac key
func TestSign(t *testing.T) {
	got := Sign([]byte("key"), time.Unix(1795132800, 0), []byte(`{"a":1}`))
	if want := "t=1795132800,v1=73d021cdfaf3a442a1482462db0f4901601ea544c8e2d765e331500d6a320b28"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Neither key nor address is ever told, and without its key nothing is sent.
func TestWebhookTellsNoSecrets(t *testing.T) {
	tries := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tries++
		w.Header().Set("Location", "http://example.invalid/")
		w.WriteHeader(http.StatusFound)
	}))
	s, faults := sender(t)
	send := func(h jobs.HookConfig) string {
		t.Helper()
		h.On, h.TimeLimit = []string{jobs.EventSuccess}, 5*time.Second
		*faults = nil
		s.send(t.Context(), []jobs.HookConfig{h}, success())
		if len(*faults) != 1 {
			t.Fatalf("got %q", *faults)
		}
		if strings.Contains((*faults)[0], "hidden") || strings.Contains((*faults)[0], "secret") {
			t.Errorf("tells a secret: %s", (*faults)[0])
		}
		return (*faults)[0]
	}
	t.Setenv("HOOK_URL", server.URL+"/hidden?token=secret")
	if got := send(jobs.HookConfig{URLEnv: "HOOK_URL", Retries: 3}); !strings.HasSuffix(got, "it answered 302 Found") || tries != 1 {
		t.Errorf("%s after %d tries", got, tries)
	}
	server.Close()
	if got := send(jobs.HookConfig{URLEnv: "HOOK_URL"}); !strings.Contains(got, "connection refused") {
		t.Error(got)
	}
	if got := send(jobs.HookConfig{URL: "http://127.0.0.1:9/hidden", KeyEnv: "HOOK_NOT_SET"}); !strings.Contains(got, "(HOOK_NOT_SET) is empty; nothing is sent") {
		t.Error(got)
	}
	if got := send(jobs.HookConfig{URL: "http://127.0.0.1:9/hidden", KeyFile: "not-there"}); !strings.Contains(got, "reading its key") {
		t.Error(got)
	}
	t.Setenv("HOOK_URL", "ht tp://hidden:secret@x")
	if got := send(jobs.HookConfig{URLEnv: "HOOK_URL"}); got != "success HOOK_URL: its url cannot be read" {
		t.Error(got)
	}
}
