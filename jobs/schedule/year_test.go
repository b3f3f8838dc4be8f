package schedule

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"accrue/jobs"
	"accrue/pipeline"
	"accrue/pipeline/load"
	"accrue/pipeline/program"
)

// world is a clock, an exports folder and a run history in memory. Nothing in it takes time but sleeping.
type world struct {
	t        *testing.T
	rng      *rand.Rand
	now      time.Time
	offAt    time.Time // when the machine goes down
	off      context.CancelFunc
	arrival  map[pipeline.Date]time.Time
	families []*program.Family
	past     jobs.Past
	ran      []string // `program date` in the order in which they were published
	late     []string
	troubles int // runs that failed with a full disk
}

func (w *world) Now() time.Time { return w.now }

// Sleep lets time pass; now and then it wakes too early, as clocks do.
func (w *world) Sleep(_ context.Context, d time.Duration) {
	if w.rng.IntN(20) == 0 {
		d = d / 2
	}
	w.now = w.now.Add(max(d, time.Second))
	if !w.offAt.IsZero() && !w.now.Before(w.offAt) {
		w.now = w.offAt
		w.off()
	}
}

func (w *world) Dates(_ context.Context, job *jobs.JobConfig, now time.Time) ([]jobs.DateState, error) {
	c := &jobs.Calendar{Now: now, Scanned: true, Past: w.past}
	for d, at := range w.arrival {
		if !at.After(now) {
			c.Deliveries = append(c.Deliveries, load.Delivery{Date: d, Ready: true})
		}
	}
	slices.SortFunc(c.Deliveries, func(a, b load.Delivery) int { return int(a.Date - b.Date) })
	return c.Dates(w.families, job)
}

func (w *world) NoteLate(_ context.Context, d pipeline.Date, programs []string, _ string, _ jobs.Clock) ([]string, error) {
	w.late = append(w.late, d.String())
	return programs, nil
}

// run publishes, unless the disk is full or the machine goes down meanwhile.
func (w *world) run(ctx context.Context, d pipeline.Date, programs []string) (*jobs.Summary, error) {
	if w.rng.IntN(15) == 0 {
		w.troubles++
		return nil, fmt.Errorf("writing grants.csv: %w", syscall.ENOSPC)
	}
	if w.rng.IntN(30) == 0 && !w.offAt.IsZero() {
		w.offAt = w.now
		w.off()
		return nil, ctx.Err()
	}
	s := &jobs.Summary{State: jobs.RunPublished, Run: "run-" + d.String()}
	for _, id := range programs {
		if zone := w.zone(id); pipeline.DateOf(w.now.In(zone)) <= d {
			w.t.Errorf("%s was run for %s at %s: the date is not over", id, d, w.now.In(zone))
		}
		if at, ok := w.arrival[d]; !ok || w.now.Before(at) {
			w.t.Errorf("%s was run for %s before its delivery came", id, d)
		}
		w.past.Done(id, d)
		w.ran = append(w.ran, id+" "+d.String())
		s.Programs = append(s.Programs, jobs.ProgramSummary{Program: id})
	}
	w.now = w.now.Add(time.Duration(w.rng.IntN(40)) * time.Minute)
	return s, nil
}

func (w *world) zone(id string) *time.Location {
	for _, fam := range w.families {
		if fam.ID == id {
			return fam.Versions[0].Location
		}
	}
	return nil
}

// families reads programs with nothing but a zone.
func families(t *testing.T, zones map[string]string) []*program.Family {
	t.Helper()
	dir := t.TempDir()
	for id, zone := range zones {
		text := fmt.Sprintf("program: %s\nversion: 1\neffective_from: 2000-01-01\ncurrency: EUR\ntime_zone: %s\nrules:\n"+
			"  - {id: base, kind: spend, earn: 1, per: 1}\n", id, zone)
		if err := os.WriteFile(filepath.Join(dir, id+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, faults, err := program.LoadDir(dir)
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	return list
}

// A year, with 1 to 10 nights of downtime again and again, wakings that come twice, deliveries that are late, full
// disks and runs that are killed: every business date is published exactly once, in order, and not before it can be.
func TestAYearOfNights(t *testing.T) {
	seeds := 1
	if n, err := strconv.Atoi(os.Getenv(yearsVariable)); err == nil {
		seeds = n
	}
	for _, c := range []struct {
		zone string
		year int
		cron string // one that the library would skip or double there
	}{
		{"America/New_York", 2026, "30 2 * * *"}, {"Europe/London", 2026, "30 1 * * *"}, {"America/Sao_Paulo", 2018, "0 0 * * *"},
		{"Africa/Cairo", 2026, "0 0 * * *"}, {"Asia/Beirut", 2022, "0 0 * * *"},
	} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s %d %d", c.zone, c.year, seed), func(t *testing.T) {
				t.Parallel()
				simulateYear(t, c.zone, c.year, c.cron, uint64(seed+1))
			})
		}
	}
}

// yearsVariable is the environment variable that says how many years to live through in each zone.
const yearsVariable = "ACCRUE_YEARS"

func simulateYear(t *testing.T, zone string, year int, cron string, seed uint64) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, uint64(year)))
	// The second program lives elsewhere, where the day ends at another time.
	w := &world{t: t, rng: rng, arrival: map[pipeline.Date]time.Time{}, past: jobs.Past{},
		families: families(t, map[string]string{"home": zone, "away": "Asia/Kolkata"})}
	first, last := pipeline.NewDate(year, 1, 1), pipeline.NewDate(year, 12, 31)
	for d := first; d <= last; d++ {
		y, m, day := d.Time().Date()
		at := time.Date(y, m, day+1, 0, 0, 0, 0, loc).Add(time.Duration(rng.IntN(300)) * time.Minute)
		if rng.IntN(20) == 0 {
			at = at.Add(time.Duration(rng.IntN(72)) * time.Hour)
		}
		w.arrival[d] = at
	}
	job := jobs.DefaultJob()
	job.Name, job.Cron, job.Zone, job.From = "nightly", cron, loc, &first
	w.now = time.Date(year, 1, 1, 12, 0, 0, 0, loc)
	end := time.Date(year+1, 1, 6, 12, 0, 0, 0, loc)
	nightsDown := 0
	for w.now.Before(end) {
		ctx, cancel := context.WithCancel(t.Context())
		w.off, w.offAt = cancel, w.now.Add(time.Duration(1+rng.IntN(40*24))*time.Hour)
		if w.offAt.After(end) {
			w.offAt = end
		}
		s, err := New([]jobs.JobConfig{job}, w, w.run, Options{Clock: w, Poll: 29 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Loop(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		if w.now.Before(end) {
			down := 1 + rng.IntN(10)
			nightsDown += down
			w.now = w.now.Add(time.Duration(down) * 24 * time.Hour)
		}
		// Somebody else's cron starts it as well, and again.
		for range rng.IntN(3) {
			w.once(t, job)
		}
	}
	w.offAt = time.Time{}
	for range 3 {
		w.once(t, job)
	}
	if nightsDown < 10 || w.troubles == 0 || len(w.late) == 0 {
		t.Errorf("%d nights down, %d full disks, %d late dates: the year was too calm to show anything", nightsDown, w.troubles, len(w.late))
	}
	for _, fam := range w.families {
		want := make([]string, 0, 366)
		for d := first; d <= last; d++ {
			want = append(want, fam.ID+" "+d.String())
		}
		got := slices.DeleteFunc(slices.Clone(w.ran), func(s string) bool { return s[:len(fam.ID)] != fam.ID })
		if i := firstDifference(want, got); i >= 0 {
			t.Errorf("%s: the %d dates of the year are not published once each and in order; the first difference: want %v, got %v",
				fam.ID, len(want), at(want, i), at(got, i))
		}
	}
}

// once is a start of `accrue schedule --once`, by a scheduler that knows nothing.
func (w *world) once(t *testing.T, job jobs.JobConfig) {
	w.offAt = time.Time{}
	s, err := New([]jobs.JobConfig{job}, w, w.run, Options{Clock: w, Poll: 29 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Once(t.Context()); err != nil && jobs.Classify(err) != jobs.NotReady && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func firstDifference(a, b []string) int {
	for i := range max(len(a), len(b)) {
		if at(a, i) != at(b, i) {
			return i
		}
	}
	return -1
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}
