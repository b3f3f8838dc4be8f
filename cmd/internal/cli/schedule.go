package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"accrue/jobs"
	"accrue/jobs/schedule"
	"accrue/pipeline"
)

// scheduleFlags are the flags of `accrue schedule`.
type scheduleFlags struct {
	once             bool
	listen, textfile string
}

func (a *app) scheduleCommand() *cobra.Command {
	var f scheduleFlags
	cmd := a.command("schedule", "Run the jobs of accrue.yaml on their cron expressions",
		`Runs the jobs of accrue.yaml until it is stopped. A cron expression only wakes a job; what is due is read from the
run history, per program and business date. So missed nights are made up for in order, and a date is published
once, however often it is woken.

A date whose delivery has not come waits for it, up to the job's limit; then it is late, and hooks are told. What may
pass (a warehouse in use, a full disk, a share that is away) is tried again; a refused delivery or program is not.

With --once it looks once, runs what is due, and ends: for cron, systemd timers, Kubernetes or Airflow. It ends with 4
where a delivery is still waited for.`,
		`  accrue schedule
  accrue schedule --listen 127.0.0.1:9464
  accrue schedule --once --textfile /var/lib/node_exporter/accrue.prom`, cobra.NoArgs,
		func(ctx context.Context, _ []string) error { return a.schedule(ctx, f) })
	cmd.Flags().BoolVar(&f.once, "once", false, "run what is due and end")
	cmd.Flags().StringVar(&f.listen, "listen", "", "address for /metrics (Prometheus) and /healthz, e.g. 127.0.0.1:9464")
	cmd.Flags().StringVar(&f.textfile, "textfile", "", "file to write the metrics to, for the textfile collector")
	a.quietFlag(cmd)
	return cmd
}

func (a *app) schedule(ctx context.Context, f scheduleFlags) (err error) {
	if f.once && f.listen != "" {
		return usageError{errors.New("--listen is for a scheduler that goes on; use --textfile with --once")}
	}
	project, err := a.open()
	if err != nil {
		return err
	}
	if err := project.CheckJobs(); err != nil {
		return err
	}
	release, err := project.LockSchedule(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	metrics := schedule.NewMetrics()
	opts := jobs.RunOptions{Clock: clock}
	end := a.watch(&opts)
	run := func(ctx context.Context, d pipeline.Date, programs []string) (*jobs.Summary, error) {
		opts := opts
		opts.Date, opts.Programs = &d, programs
		return jobs.Run(ctx, project, opts)
	}
	s, err := schedule.New(project.Config.Jobs, jobs.Book{Project: project}, run, schedule.Options{
		Clock: clock, Log: a.scheduleLine, Metrics: metrics, ProjectDir: project.Dir,
	})
	if err != nil {
		return err
	}
	if f.listen != "" {
		stop, err := a.serve(f.listen, metrics.Handler())
		if err != nil {
			return err
		}
		defer stop()
	}
	if f.once {
		err = s.Once(ctx)
	} else {
		a.say("%s  the schedule begins: %s", stamp(clock.Now()), plural(int64(len(project.Config.Jobs)), "job", "jobs"))
		err = s.Loop(ctx)
		a.say("%s  the schedule ends", stamp(clock.Now()))
	}
	end()
	if f.textfile != "" {
		if terr := metrics.WriteFile(f.textfile); terr != nil {
			err = errors.Join(err, fmt.Errorf("writing the metrics: %w", terr))
		}
	}
	return err
}

// serve answers on an address until stop is called.
func (a *app) serve(address string, h http.Handler) (stop func(), err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, MaxHeaderBytes: 1 << 16}
	a.say("%s  metrics are at http://%s/metrics", stamp(clock.Now()), l.Addr())
	go func() { _ = server.Serve(l) }() // ends with Close
	return func() { _ = server.Close() }, nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// scheduleLine tells what the scheduler does, a line for each thing.
func (a *app) scheduleLine(l schedule.Line) {
	head := stamp(l.At) + "  " + l.Job
	if l.Date != "" {
		head += "  " + l.Date
	}
	if l.Summary == nil {
		a.say("%s  %s", head, l.Text)
		return
	}
	s := l.Summary
	var parts []string
	for _, p := range s.Programs {
		var rows int64
		for _, g := range p.Grants {
			rows += g.Rows
		}
		parts = append(parts, fmt.Sprintf("%s %s", p.Program, plural(rows, "grant", "grants")))
	}
	a.say("%s  %s: %s, in %.1f s", head, l.Text, strings.Join(parts, ", "), s.Seconds)
	for _, w := range s.Warnings {
		a.say("%s  warning: %s", head, w)
	}
}
