package jobs

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"accrue/pipeline/warehouse"
)

// P2: running again with nothing new posts nothing and publishes nothing.
func TestP2RerunIsNoOp(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	for _, date := range nights {
		if s := run(t, p, date); s.State != RunPublished {
			t.Fatalf("the first run for %s is %s", date, s.State)
		}
		files, facts := published(t, p, nil), digests(t, p)
		for range 2 {
			s := run(t, p, date)
			if s.State != RunUnchanged || len(s.Programs[0].Grants) > 0 || len(s.Programs[0].Published) > 0 {
				t.Errorf("a rerun for %s is %s: %+v", date, s.State, s.Programs)
			}
		}
		if diff := cmp.Diff(files, published(t, p, nil)); diff != "" {
			t.Errorf("a rerun for %s changed published files:\n%s", date, diff)
		}
		if diff := cmp.Diff(facts, digests(t, p)); diff != "" {
			t.Errorf("a rerun for %s changed the warehouse:\n%s", date, diff)
		}
	}
	// A rerun of an old date takes nothing back that a later night has posted (F45, F58).
	files := published(t, p, nil)
	if s := run(t, p, nights[0]); s.State != RunUnchanged {
		t.Errorf("a rerun of the first night after the second is %s", s.State)
	}
	if diff := cmp.Diff(files, published(t, p, nil)); diff != "" {
		t.Errorf("a rerun of the first night changed published files:\n%s", diff)
	}
	read(t, p, func(db *warehouse.DB) {
		if n := number(t, db, "SELECT count(*) FROM publications"); n != 2 {
			t.Errorf("%d publications, want one for each night", n)
		}
	})
}

// A date with no differences publishes a manifest with no rows the first time, and nothing on a rerun.
func TestP2NothingToGrantIsPublishedOnce(t *testing.T) {
	t.Parallel()
	p := sampleProject(t)
	run(t, p, nights...)
	s := run(t, p, "2026-11-22")
	if s.State != RunPublished || len(s.Programs[0].Published) != 1 || s.Programs[0].Published[0].Rows != 0 {
		t.Fatalf("a day without anything new is %s: %+v", s.State, s.Programs)
	}
	files := published(t, p, nil)
	if _, ok := files["jcb/date=2026-11-22/seq=001/manifest.json"]; !ok {
		t.Errorf("no manifest for the day without anything new: %v", files)
	}
	if s := run(t, p, "2026-11-22"); s.State != RunUnchanged {
		t.Errorf("its rerun is %s", s.State)
	}
	if diff := cmp.Diff(files, published(t, p, nil)); diff != "" {
		t.Errorf("its rerun changed published files:\n%s", diff)
	}
}
