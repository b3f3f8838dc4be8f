package evaluate

import (
	"archive/zip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"accrue/pipeline"
)

// apply reads a moment by its row of eval_clock, as the SQL does.
func apply(r clockRow, x int64) (us, local int64) {
	switch {
	case x < r.s1:
		return x + r.u1, x + r.l1
	case x < r.s2:
		return x + r.u2, x + r.l2
	}
	return x + r.u3, x + r.l3
}

func TestClockTableSaysWhatInstantSays(t *testing.T) {
	for _, name := range []string{
		"Asia/Kolkata", "America/New_York", "Europe/London", "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut",
		"Australia/Lord_Howe", "Pacific/Apia", "Antarctica/Troll", "America/Scoresbysund", "UTC",
	} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, year := range []int{2011, 2018, 2026} {
			for day := pipeline.NewDate(year, 1, 1); day < pipeline.NewDate(year+1, 1, 1); day++ {
				for _, instant := range []bool{false, true} {
					r := clockOf(zoned{0, loc}, clockDay{instant, day})
					for x := int64(day) * usPerDay; x < (int64(day)+1)*usPerDay; x += 900_000_000 - 1 {
						us := x
						if !instant {
							us = pipeline.Instant(x, loc)
						}
						gotUS, gotLocal := apply(r, x)
						if local := us + pipeline.OffsetAt(us, loc); gotUS != us || gotLocal != local {
							t.Fatalf("%s %s instant=%t at %d: (%d, %d), want (%d, %d)", name, day, instant, x, gotUS, gotLocal, us, local)
						}
					}
				}
			}
		}
	}
}

// No zone may change its clock more often than a row of eval_clock can say. clockOf panics where one does.
func TestNoZoneChangesTooOften(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Logf("this Go has no zoneinfo.zip (%v): the zones of the other test must do", err)
		return
	}
	defer archive.Close()
	zones := 0
	for _, f := range archive.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		loc, err := time.LoadLocation(f.Name)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		zones++
		end := time.Date(2041, 1, 3, 0, 0, 0, 0, time.UTC)
		for at := time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC).In(loc); ; {
			change, ok := pipeline.NextChange(at)
			if !ok || change.After(end) {
				break
			}
			day := pipeline.DateOf(change.UTC())
			for d := day - 2; d <= day+2; d++ {
				clockOf(zoned{0, loc}, clockDay{true, d})
				clockOf(zoned{0, loc}, clockDay{false, d})
			}
			at = change.In(loc)
		}
	}
	if zones < 300 {
		t.Errorf("only %d zones were looked at", zones)
	}
}

func TestConstantOffset(t *testing.T) {
	days := []clockDay{{false, pipeline.NewDate(2026, 3, 6)}, {true, pipeline.NewDate(2026, 3, 7)}}
	ny, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	if _, c := clockRows([]zoned{{0, ny}}, days); c == nil || *c != -5*3600*1_000_000 {
		t.Errorf("two days in winter: constant %v, want -5 h", c)
	}
	days = append(days, clockDay{false, pipeline.NewDate(2026, 3, 8)})
	if _, c := clockRows([]zoned{{0, ny}}, days); c != nil {
		t.Errorf("with the day of the change: constant %d, want none", *c)
	}
	days[2].day = pipeline.NewDate(2026, 3, 9)
	if _, c := clockRows([]zoned{{0, ny}}, days); c != nil {
		t.Errorf("winter and summer: constant %d, want none", *c)
	}
}
