package jobs

import (
	"net/url"
	"regexp"
	"slices"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/yamlpos"
)

// JobConfig is one job of `accrue schedule`.
type JobConfig struct {
	Name     string
	Cron     string // as ParseCron reads it
	Zone     *time.Location
	Programs []string       // ids; none: all
	From     *pipeline.Date // the first business date; nil: see Book.Dates
	Late     LateConfig
	Retry    RetryConfig
	Hooks    []HookConfig
}

// LateConfig says how long a date waits for its delivery, counted from the first waking after the date's end, and
// what happens then.
type LateConfig struct {
	Wait time.Duration
	Then string // LateHold, LateGoOn or LateRun
}

// What happens to a date whose delivery is late.
const (
	LateHold = "hold"  // it goes on waiting, and later dates wait behind it
	LateGoOn = "go_on" // it goes on waiting, and later dates are run
	LateRun  = "run"   // it is run without a delivery
)

// RetryConfig says how often and after how long what may pass is tried again within one waking.
type RetryConfig struct {
	Times       int
	First, Most time.Duration // the pause doubles from First to Most
}

// HookConfig is a command or a webhook, one of them.
type HookConfig struct {
	On      []string // of HookEvents
	Command []string // program and arguments; no shell
	URL     string   // of the webhook
	URLEnv  string   // environment variable that holds the URL, where it is a secret
	// KeyEnv and KeyFile name what holds the key that the webhook is signed with: an environment variable or a file.
	KeyEnv, KeyFile string
	TimeLimit       time.Duration // of one attempt
	Retries         int           // of a webhook
}

// Events that hooks hear of.
const (
	EventFailure = "failure" // a date failed, and trying again does not help now
	EventLate    = "late"    // a delivery is late
	EventSuccess = "success" // a date is done
)

// HookEvents lists the events.
var HookEvents = []string{EventFailure, EventLate, EventSuccess}

// DefaultJob is what a job is without its optional keys.
func DefaultJob() JobConfig {
	return JobConfig{
		Late:  LateConfig{Wait: 6 * time.Hour, Then: LateHold},
		Retry: RetryConfig{Times: 5, First: 30 * time.Second, Most: 15 * time.Minute},
	}
}

// jobs reads the list of jobs.
func (c *configReader) jobs(n *yamlpos.Node) {
	if n == nil {
		return
	}
	const example = `write jobs: [{name: nightly, cron: "30 2 * * *", time_zone: Asia/Kolkata}]`
	items, _ := c.Items(n, example)
	seen := map[string]bool{}
	for _, it := range items {
		m := c.Map(it, example)
		if m == nil {
			continue
		}
		job := DefaultJob()
		name := m.Need("name", "name the job: its log lines and metrics bear the name")
		c.text(name, &job.Name)
		if name != nil && !jobName.MatchString(job.Name) {
			c.Fault(name.Pos, "letters, digits, dots, dashes and underscores are possible", "name cannot be %s", yamlpos.Quote(job.Name))
		} else if name != nil && seen[job.Name] {
			c.Fault(name.Pos, "give each job a name of its own", "two jobs have the name %s", yamlpos.Quote(job.Name))
		}
		seen[job.Name] = true
		c.waking(m, &job)
		if p := m.Get("programs"); p != nil {
			job.Programs, _ = c.Texts(p)
		}
		if d := m.Get("from"); d != nil {
			if date, err := pipeline.ParseDate(d.Text); err == nil && d.Kind != yamlpos.List && d.Kind != yamlpos.Mapping {
				job.From = &date
			} else {
				c.Wrong(d, "a date", "write YYYY-MM-DD")
			}
		}
		c.late(m.Get("late"), &job.Late)
		c.retry(m.Get("retry"), &job.Retry)
		c.hooks(m.Get("hooks"), &job)
		m.Close()
		c.cfg.Jobs = append(c.cfg.Jobs, job)
	}
}

var jobName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

// waking reads the cron expression and its zone.
func (c *configReader) waking(m *yamlpos.Map, job *JobConfig) {
	expression := m.Need("cron", `write minute, hour, day, month and weekday: "30 2 * * *" is half past two every night`)
	zone := m.Need("time_zone", "write the zone that the cron expression is in, an IANA name such as Asia/Kolkata")
	job.Zone = time.UTC
	if name, ok := c.Text(zone); ok {
		loc, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			c.Fault(zone.Pos, "write an IANA name, such as Asia/Kolkata or UTC", "unknown time zone %s", yamlpos.Quote(name))
		} else {
			job.Zone = loc
		}
	}
	if text, ok := c.Text(expression); ok {
		job.Cron = text
		if _, err := ParseCron(text, job.Zone); err != nil {
			c.Fault(expression.Pos, `minute, hour, day, month, weekday: "30 2 * * *"; or @daily, @hourly, @every 1h`,
				"cron cannot be %s: %s", yamlpos.Quote(text), err)
		}
	}
}

func (c *configReader) late(n *yamlpos.Node, into *LateConfig) {
	m := c.Map(n, "write late: {wait: 6h, then: hold}")
	if m == nil {
		return
	}
	c.duration(m.Get("wait"), 0, 31*24*time.Hour, &into.Wait)
	if then, ok := c.OneOf(m.Get("then"), LateHold, LateGoOn, LateRun); ok {
		into.Then = then
	}
	m.Close()
}

func (c *configReader) retry(n *yamlpos.Node, into *RetryConfig) {
	m := c.Map(n, "write retry: {times: 5, first: 30s, most: 15m}")
	if m == nil {
		return
	}
	if v, ok := c.Int(m.Get("times"), 0, 1000); ok {
		into.Times = int(v)
	}
	c.duration(m.Get("first"), time.Second, 24*time.Hour, &into.First)
	most := m.Get("most")
	c.duration(most, time.Second, 24*time.Hour, &into.Most)
	if most != nil && into.Most < into.First {
		c.Fault(most.Pos, "the pause grows from first to most", "most is less than first")
	}
	into.Most = max(into.Most, into.First)
	m.Close()
}

// duration reads a time such as 30s, 15m or 1h30m.
func (c *configReader) duration(n *yamlpos.Node, least, most time.Duration, into *time.Duration) {
	if n == nil {
		return
	}
	d, err := time.ParseDuration(n.Text)
	switch {
	case err != nil || n.Kind == yamlpos.List || n.Kind == yamlpos.Mapping:
		c.Wrong(n, "a time", "write 30s, 15m or 1h30m")
	case d < least:
		c.Fault(n.Pos, "write 30s, 15m or 1h30m", "%s must be at least %s", n.Name, least)
	case d > most:
		c.Fault(n.Pos, "write 30s, 15m or 1h30m", "%s must be at most %s", n.Name, most)
	default:
		*into = d
	}
}

func (c *configReader) hooks(n *yamlpos.Node, job *JobConfig) {
	if n == nil {
		return
	}
	const example = "write hooks: [{on: [failure, late], command: [/usr/local/bin/page, night]}]"
	items, _ := c.Items(n, example)
	for _, it := range items {
		if m := c.Map(it, example); m != nil {
			job.Hooks = append(job.Hooks, c.hook(m, it))
			m.Close()
		}
	}
}

func (c *configReader) hook(m *yamlpos.Map, at *yamlpos.Node) HookConfig {
	h := HookConfig{TimeLimit: 30 * time.Second, Retries: 3}
	on, _ := c.Items(m.Need("on", "say when: [failure, late, success]"), "say when: [failure, late, success]")
	nodes, _ := c.Distinct(on)
	for _, it := range nodes {
		if s, ok := c.OneOf(it, HookEvents...); ok {
			h.On = append(h.On, s)
		}
	}
	if n := m.Get("command"); n != nil {
		items, _ := c.Items(n, "write the program and its arguments: [/usr/local/bin/page, night]")
		for _, it := range items {
			if s, ok := c.Text(it); ok {
				h.Command = append(h.Command, s)
			}
		}
	}
	if w := c.Map(m.Get("webhook"), "write webhook: {url: https://…, key_env: NAME}"); w != nil {
		c.webhook(w, &h)
	}
	c.duration(m.Get("time_limit"), time.Second, time.Hour, &h.TimeLimit)
	if m.Has("command") == m.Has("webhook") {
		c.Fault(at.Pos, "write command: [program, argument] or webhook: {url: https://…}", "a hook is a command or a webhook")
	}
	return h
}

func (c *configReader) webhook(w *yamlpos.Map, h *HookConfig) {
	address := w.Get("url")
	c.text(address, &h.URL)
	c.text(w.Get("url_env"), &h.URLEnv)
	c.text(w.Get("key_env"), &h.KeyEnv)
	c.text(w.Get("key_file"), &h.KeyFile)
	if v, ok := c.Int(w.Get("retries"), 0, 100); ok {
		h.Retries = int(v)
	}
	if address != nil {
		if u, err := url.Parse(h.URL); err != nil || !slices.Contains([]string{"https", "http"}, u.Scheme) || u.Host == "" || u.User != nil {
			c.Fault(address.Pos, "write https://host/path; what is secret in it comes from an environment variable with url_env: NAME",
				"this is no URL for a webhook")
		}
	}
	if at := w.Pos(); w.Has("url") == w.Has("url_env") {
		c.Fault(at, "write url: https://… or url_env: NAME", "a webhook has a url or a url_env")
	} else if w.Has("key_env") && w.Has("key_file") {
		c.Fault(at, "write one of them", "a webhook has a key_env or a key_file, not both")
	}
	w.Close()
}
