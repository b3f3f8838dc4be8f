package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"accrue/pipeline/safetext"
)

// screen is a stream on which what others wrote cannot make a terminal do anything. Each write is a text by itself.
type screen struct{ w io.Writer }

func (s screen) Write(p []byte) (int, error) {
	if _, err := io.WriteString(s.w, safetext.Shown(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// isTerminal reports whether the stream is a terminal.
func isTerminal(w any) bool {
	if s, ok := w.(screen); ok {
		w = s.w
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// paint wraps texts in colours, where the stream is a terminal that wants them.
type paint struct{ on bool }

func newPaint(w io.Writer) paint {
	return paint{on: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)}
}

func (p paint) with(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) bold(s string) string  { return p.with("1", s) }
func (p paint) green(s string) string { return p.with("32", s) }
func (p paint) red(s string) string   { return p.with("31", s) }

// progress shows what is under way on one line of a terminal, once it has taken longer than a second. On anything
// else it shows nothing.
type progress struct {
	out   io.Writer
	start time.Time
	mu    sync.Mutex
	what  string
	shown bool
	stop  chan struct{}
	done  sync.WaitGroup
}

// progressDelay is how long something may take before the line appears.
const progressDelay = time.Second

// newProgress starts a progress line on the stream. end must be called.
func newProgress(w io.Writer) *progress {
	if s, ok := w.(screen); ok {
		w = s.w // the line is drawn by moving about
	}
	p := &progress{out: w, start: time.Now(), stop: make(chan struct{})}
	if !isTerminal(w) {
		return p
	}
	p.done.Add(1)
	go p.loop()
	return p
}

// at says what is under way now.
func (p *progress) at(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = what
}

func (p *progress) loop() {
	defer p.done.Done()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			if p.shown {
				fmt.Fprint(p.out, "\r\x1b[K")
			}
			return
		case <-tick.C:
			p.draw()
		}
	}
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	spent := time.Since(p.start)
	if spent < progressDelay || p.what == "" {
		return
	}
	p.shown = true
	fmt.Fprintf(p.out, "\r\x1b[K%4ds  %s", int(spent.Seconds()), safetext.Line(p.what))
}

// end takes the line away.
func (p *progress) end() {
	close(p.stop)
	p.done.Wait()
}
