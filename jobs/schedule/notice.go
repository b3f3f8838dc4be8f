package schedule

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"accrue/jobs"
)

// Notice is what hooks are told, as JSON.
type Notice struct {
	Event    string   `json:"event"` // failure, late or success
	Job      string   `json:"job"`
	Date     string   `json:"date,omitempty"` // business date; absent where it is not known what is due
	Programs []string `json:"programs"`
	State    string   `json:"state"` // of the date, or for success of the run: published or unchanged
	Run      string   `json:"run,omitempty"`
	Attempt  int      `json:"attempt,omitempty"`
	Message  string   `json:"message,omitempty"`
	At       string   `json:"at"`               // when it was said first, RFC 3339 in UTC
	Totals   *Totals  `json:"totals,omitempty"` // of the run, where there was one
}

// Totals are the control totals of a run. Amounts are decimal texts.
type Totals struct {
	Seconds      float64               `json:"duration_seconds"`
	RowsRead     int64                 `json:"rows_read"`
	RowsRejected int64                 `json:"rows_rejected"`
	RowsWaiting  int64                 `json:"rows_waiting"`
	Grants       int64                 `json:"grants"`
	Datasets     []jobs.DatasetSummary `json:"datasets"`
	Programs     []jobs.ProgramSummary `json:"programs"`
	Warnings     []string              `json:"warnings"`
}

// notices sends notices to hooks.
type notices struct {
	dir    string // where commands are started
	clock  jobs.Clock
	failed func(n *Notice, hook string, err error)
}

// stopPatience is how long a hook may go on when the scheduler is to stop.
const stopPatience = time.Second

// send tells the hooks that listen to the event, one after the other. A hook that fails changes nothing about the run.
func (s *notices) send(ctx context.Context, hooks []jobs.HookConfig, n *Notice) {
	n.At = s.clock.Now().UTC().Format(time.RFC3339)
	body, err := json.Marshal(n)
	if err != nil {
		s.failed(n, "", err)
		return
	}
	// What has happened is told even if the scheduler is to stop, but not for long.
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopPatience, cancel) })()
	for i := range hooks {
		h := &hooks[i]
		if !slices.Contains(h.On, n.Event) {
			continue
		}
		if len(h.Command) > 0 {
			if err := s.command(patient, h, n, body, secrets(hooks)); err != nil {
				s.failed(n, h.Command[0], err)
			}
		} else if name, err := s.webhook(patient, h, n, body); err != nil {
			s.failed(n, name, err)
		}
	}
}

// secrets are the environment variables that hold keys and URLs of webhooks: commands do not get to see them.
func secrets(hooks []jobs.HookConfig) []string {
	var out []string
	for _, h := range hooks {
		for _, name := range []string{h.KeyEnv, h.URLEnv} {
			if name != "" {
				out = append(out, name)
			}
		}
	}
	return out
}
