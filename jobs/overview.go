package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"accrue/pipeline/warehouse"
)

// Overview is where a project stands: the states of its dates and the attempts of its runs, each the newest first.
type Overview struct {
	AsOf  time.Time   `json:"as_of"`
	Dates []DateState `json:"dates"`
	Runs  []RunRecord `json:"runs"`
	// Running is who has the warehouse; the rest is as of the beginning of that run then.
	Running *Holder `json:"running,omitempty"`
}

// statusName is the file in the warehouse's folder that a run leaves for those who ask while it has the warehouse.
const statusName = "status.json"

// statusRows bounds the lists in that file.
const statusRows = 100

// Overview looks at the project. While a run has the warehouse, it returns what that run noted when it began.
func (p *Project) Overview(ctx context.Context, now time.Time, limit int) (o *Overview, err error) {
	r, err := p.OpenReader(ctx)
	var busy *BusyError
	switch {
	case errors.Is(err, errNoWarehouse) && len(p.Config.Jobs) > 0:
		return p.overview(ctx, nil, now, limit)
	case errors.As(err, &busy) && busy.Holder != nil:
		o, rerr := p.readStatus()
		if rerr != nil {
			return nil, err
		}
		o.Running = busy.Holder
		o.cut(limit)
		return o, nil
	case err != nil:
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return p.overview(ctx, r.db, now, limit)
}

func (p *Project) overview(ctx context.Context, db *warehouse.DB, now time.Time, limit int) (*Overview, error) {
	families, err := p.Programs()
	if err != nil {
		return nil, err
	}
	c, err := p.calendar(ctx, db, now)
	if err != nil {
		return nil, err
	}
	o := &Overview{AsOf: now.UTC(), Dates: []DateState{}, Runs: []RunRecord{}}
	for _, fam := range families {
		list, err := c.family(fam, p.Config.jobOf(fam.ID))
		if err != nil {
			return nil, err
		}
		o.Dates = append(o.Dates, list...)
	}
	slices.SortStableFunc(o.Dates, func(a, b DateState) int { return int(b.Day - a.Day) })
	if db != nil {
		if o.Runs, err = (&Reader{Project: p, db: db}).Runs(ctx, limit); err != nil {
			return nil, err
		}
	}
	o.cut(limit)
	return o, nil
}

// cut keeps the newest; limit 0 keeps all.
func (o *Overview) cut(limit int) {
	if limit > 0 {
		o.Dates, o.Runs = o.Dates[:min(limit, len(o.Dates))], o.Runs[:min(limit, len(o.Runs))]
	}
}

// jobOf is the first job that runs the program; without one nothing is due by itself.
func (c *Config) jobOf(program string) *JobConfig {
	for i := range c.Jobs {
		if j := &c.Jobs[i]; len(j.Programs) == 0 || slices.Contains(j.Programs, program) {
			return j
		}
	}
	return &JobConfig{}
}

func (p *Project) readStatus() (*Overview, error) {
	text, err := os.ReadFile(filepath.Join(p.warehouseDir(), statusName))
	if err != nil {
		return nil, err
	}
	o := &Overview{}
	return o, json.Unmarshal(text, o)
}

// leaveStatus notes for others where the project stands while this run has the warehouse. That it cannot be written is
// no reason not to run.
func (n *night) leaveStatus(ctx context.Context) {
	o, err := n.project.overview(ctx, n.db, n.opts.Clock.Now(), statusRows)
	if err == nil {
		running := n.chosenIDs()
		for i := range o.Dates {
			d := &o.Dates[i]
			if d.Day >= n.from && d.Day <= n.to && slices.Contains(running, d.Program) {
				d.State, d.Reason = DateRunning, "by "+n.opts.Command
			}
		}
		for i := range o.Runs {
			if o.Runs[i].Run == n.history.run && o.Runs[i].Attempt == n.history.attempt {
				o.Runs[i].State, o.Runs[i].Message = RunRunning, ""
			}
		}
		var text []byte
		if text, err = json.MarshalIndent(o, "", "  "); err == nil {
			err = renameio.WriteFile(filepath.Join(n.project.warehouseDir(), statusName), append(text, '\n'), 0o600)
		}
	}
	if err != nil && ctx.Err() == nil {
		n.summary.Warnings = append(n.summary.Warnings, fmt.Sprintf("%s, for those who ask while a run is under way, cannot be written: %s",
			statusName, strings.TrimSpace(err.Error())))
	}
}

func (n *night) chosenIDs() []string {
	out := make([]string, len(n.chosen))
	for i, fam := range n.chosen {
		out[i] = fam.ID
	}
	return out
}

// CheckJobs finds out whether the project's jobs can be run: there is one, and the programs that they name are there.
func (p *Project) CheckJobs() error {
	if len(p.Config.Jobs) == 0 {
		return &hintError{error: fmt.Errorf("%s has no jobs", filepath.Join(p.Dir, SettingsName)), class: Refused,
			hint: `write jobs: [{name: nightly, cron: "30 2 * * *", time_zone: Asia/Kolkata}]`}
	}
	families, err := p.Programs()
	if err != nil {
		return err
	}
	for _, job := range p.Config.Jobs {
		if _, err := pickPrograms(families, job.Programs); err != nil {
			return fmt.Errorf("job %s: %w", job.Name, err)
		}
	}
	return nil
}
