package schedule

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"accrue/jobs"
	"accrue/pipeline"
)

// Metrics are what Prometheus is told. Amounts are not among them, as Prometheus knows floats only: hooks and
// `accrue runs --json` have them.
type Metrics struct {
	registry *prometheus.Registry
	states, lastDate, grants,
	next, lastLook, lastSuccess, lastFailure, duration, rows *prometheus.GaugeVec
	runs, hooks *prometheus.CounterVec
}

// NewMetrics makes them.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "accrue", Name: name, Help: help}, labels)
		m.registry.MustRegister(g)
		return g
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "accrue", Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	m.states = gauge("dates", "Business dates by state.", "program", "state")
	m.lastDate = gauge("last_published_date_timestamp_seconds", "The newest business date that is published, as midnight UTC.", "program")
	m.grants = gauge("last_grants", "Grants that the last run posted.", "program")
	m.next = gauge("next_waking_timestamp_seconds", "When the job wakes next.", "job")
	m.lastLook = gauge("last_look_timestamp_seconds", "When the job last looked at what is due.", "job")
	m.lastSuccess = gauge("last_success_timestamp_seconds", "When a run of the job last succeeded.", "job")
	m.lastFailure = gauge("last_failure_timestamp_seconds", "When a run of the job last failed.", "job")
	m.duration = gauge("last_run_duration_seconds", "How long the last run took.", "job")
	m.rows = gauge("last_rows", "Rows of the deliveries that the last run found new, by what became of them.", "dataset", "outcome")
	m.runs = counter("runs_total", "Runs that ended, by how.", "job", "result")
	m.hooks = counter("hook_failures_total", "Hooks that failed.", "job", "event")
	return m
}

// Handler answers /metrics, and /healthz for those who only ask whether the scheduler is alive.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	return mux
}

// WriteFile writes them for the textfile collector, into a hidden file that is renamed into place.
func (m *Metrics) WriteFile(path string) error { return prometheus.WriteToTextfile(path, m.registry) }

func (m *Metrics) dates(list []jobs.DateState) {
	counts := map[string]map[string]int{}
	last := map[string]pipeline.Date{}
	for _, d := range list {
		if counts[d.Program] == nil {
			counts[d.Program] = map[string]int{}
		}
		counts[d.Program][d.State]++
		if d.State == jobs.DatePublished {
			last[d.Program] = max(last[d.Program], d.Day)
		}
	}
	for id, byState := range counts {
		for _, state := range jobs.DateStates {
			m.states.WithLabelValues(id, state).Set(float64(byState[state]))
		}
	}
	for id, d := range last {
		m.lastDate.WithLabelValues(id).Set(float64(d.Time().Unix()))
	}
}

func (m *Metrics) job(name string, next, now time.Time) {
	m.next.WithLabelValues(name).Set(float64(next.Unix()))
	m.lastLook.WithLabelValues(name).Set(float64(now.Unix()))
	for _, result := range []string{"success", "failure"} { // so that they are there from the beginning
		m.runs.WithLabelValues(name, result)
	}
}

func (m *Metrics) done(job string, s *jobs.Summary, now time.Time) {
	m.runs.WithLabelValues(job, "success").Inc()
	m.lastSuccess.WithLabelValues(job).Set(float64(now.Unix()))
	m.duration.WithLabelValues(job).Set(s.Seconds)
	for _, d := range s.Datasets {
		for outcome, n := range map[string]int64{"accepted": d.Accepted, "duplicate": d.Duplicate, "superseded": d.Superseded,
			"rejected": d.Rejected, "waiting": d.Waiting} {
			m.rows.WithLabelValues(d.Dataset, outcome).Set(float64(n))
		}
	}
	for _, p := range s.Programs {
		rows := int64(0)
		for _, g := range p.Grants {
			rows += g.Rows
		}
		m.grants.WithLabelValues(p.Program).Set(float64(rows))
	}
}

func (m *Metrics) failed(job string, now time.Time) {
	m.runs.WithLabelValues(job, "failure").Inc()
	m.lastFailure.WithLabelValues(job).Set(float64(now.Unix()))
}

func (m *Metrics) hookFailed(job, event string) { m.hooks.WithLabelValues(job, event).Inc() }
