package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// States of a run.
const (
	RunRunning   = "running"
	RunPublished = "published" // something was posted and published
	RunUnchanged = "unchanged" // nothing was new
	RunFailed    = "failed"
	// RunLate is no attempt of a run: it notes that a date's delivery was late, and that the hooks were told.
	RunLate = "late"
	// RunInterrupted is shown for an attempt whose process was killed, until the next run notes that it failed.
	RunInterrupted = "interrupted"
)

// RunRecord is one attempt of a run in the history.
type RunRecord struct {
	Run       string          `json:"run"`
	Command   string          `json:"command"`
	From      string          `json:"from"`
	Until     string          `json:"until"`
	Attempt   int             `json:"attempt"`
	State     string          `json:"state"`
	StartedAt time.Time       `json:"started_at"`
	Finished  *time.Time      `json:"finished_at,omitempty"`
	Message   string          `json:"message,omitempty"`
	Summary   json.RawMessage `json:"summary,omitempty"`
}

// history writes one attempt of a run.
type history struct {
	db      *warehouse.DB
	run     string
	attempt int
	// since is the load that the last completed run had seen: what was loaded after it is new to this run.
	since int
}

// beginRun notes that a run has begun. Its id is run-<date>-NNN, of a backfill backfill-<from>_<to>-NNN, where NNN
// counts the completed ones of those dates: an attempt that failed or was killed hands its id on to the next, so that what is published does not depend on how
// often it was tried. Attempts that still seem to run are marked: the lock is held, so nobody runs them.
func beginRun(ctx context.Context, db *warehouse.DB, command string, from, until pipeline.Date, now time.Time) (*history, error) {
	h := &history{db: db}
	err := db.Tx(ctx, func() error {
		if _, err := db.Exec(ctx, `UPDATE runs SET state = 'failed', message = 'interrupted: the process ended before the run was done'
			WHERE state = 'running'`); err != nil {
			return err
		}
		var completed int
		if err := db.QueryRow(ctx, `SELECT coalesce(max(CAST(regexp_extract(run, '[0-9]+$') AS INTEGER)), 0) FROM runs
			WHERE state IN ('published', 'unchanged') AND command = ? AND from_date = CAST(? AS DATE) AND until_date = CAST(? AS DATE)`,
			command, from.String(), until.String()).Scan(&completed); err != nil {
			return err
		}
		dates := until.String()
		if command != "run" {
			dates = from.String() + "_" + dates
		}
		h.run = fmt.Sprintf("%s-%s-%03d", command, dates, completed+1)
		if err := db.QueryRow(ctx, `SELECT coalesce(max(attempt), 0) + 1 FROM runs WHERE run = ?`, h.run).
			Scan(&h.attempt); err != nil {
			return err
		}
		last, err := lastRun(ctx, db)
		if err != nil {
			return err
		}
		h.since = last.since
		_, err = db.Exec(ctx, `INSERT INTO runs VALUES (?, ?, CAST(? AS DATE), CAST(? AS DATE), ?, 'running', ?, NULL, NULL, NULL)`,
			h.run, command, from.String(), until.String(), h.attempt, now.UTC())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("noting the run in the history: %w", err)
	}
	return h, nil
}

// lastRun returns what the last completed run had seen.
func lastRun(ctx context.Context, db *warehouse.DB) (*history, error) {
	var summary sql.NullString
	err := db.QueryRow(ctx, `SELECT summary FROM runs WHERE state IN ('published', 'unchanged')
		ORDER BY finished_at DESC, started_at DESC LIMIT 1`).Scan(&summary)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	var last struct {
		LoadSeq int `json:"load_seq"`
	}
	if summary.Valid {
		if err := json.Unmarshal([]byte(summary.String), &last); err != nil {
			return nil, fmt.Errorf("reading the last run's summary: %w", err)
		}
	}
	return &history{db: db, since: last.LoadSeq}, nil
}

// finish notes how the attempt ended.
func (h *history) finish(ctx context.Context, state, message string, summary any, now time.Time) error {
	var text any
	if summary != nil {
		b, err := json.Marshal(summary)
		if err != nil {
			return err
		}
		text = string(b)
	}
	var msg any
	if message != "" {
		msg = message
	}
	// Written even when the run was interrupted: that is what the history is for.
	_, err := h.db.Exec(context.WithoutCancel(ctx), `UPDATE runs SET state = ?, message = ?, summary = ?, finished_at = ?
		WHERE run = ? AND attempt = ?`, state, msg, text, now.UTC(), h.run, h.attempt)
	if err != nil {
		return fmt.Errorf("noting the run in the history: %w", err)
	}
	return nil
}

// noteLate notes that the programs' date is late and returns those for which that did not stand there already.
func noteLate(ctx context.Context, db *warehouse.DB, d pipeline.Date, programs []string, reason string, now time.Time) (noted []string, err error) {
	return noted, db.Tx(ctx, func() error {
		for _, id := range programs {
			run := fmt.Sprintf("late-%s-%s", d, id)
			var n int
			if err := db.QueryRow(ctx, "SELECT count(*) FROM runs WHERE run = ?", run).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				continue
			}
			if _, err := db.Exec(ctx, `INSERT INTO runs VALUES (?, 'schedule', CAST(? AS DATE), CAST(? AS DATE), 1, ?, ?, ?, ?, NULL)`,
				run, d.String(), d.String(), RunLate, now.UTC(), now.UTC(), reason); err != nil {
				return err
			}
			noted = append(noted, id)
		}
		return nil
	})
}

// Runs lists attempts, the newest first; limit 0 lists all.
func (r *Reader) Runs(ctx context.Context, limit int) ([]RunRecord, error) {
	query := `SELECT run, command, CAST(from_date AS VARCHAR), CAST(until_date AS VARCHAR), attempt, state, started_at,
		finished_at, coalesce(message, ''), summary FROM runs ORDER BY started_at DESC, run DESC, attempt DESC`
	if limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", limit)
	}
	out := []RunRecord{}
	var rec RunRecord
	var finished sql.NullTime
	var summary sql.NullString
	err := r.db.Each(ctx, query, nil, []any{
		&rec.Run, &rec.Command, &rec.From, &rec.Until, &rec.Attempt, &rec.State,
		&rec.StartedAt, &finished, &rec.Message, &summary,
	}, func() error {
		next := rec
		if next.State == RunRunning { // no run is under way while a reader is
			next.State, next.Message = RunInterrupted, "the process ended before the run was done; the next run brings it to its end"
		}
		if finished.Valid {
			t := finished.Time
			next.Finished = &t
		}
		if summary.Valid {
			next.Summary = json.RawMessage(summary.String)
		}
		out = append(out, next)
		return nil
	})
	return out, err
}
