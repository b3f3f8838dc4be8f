package explain

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"accrue/pipeline/warehouse"
)

// Whoever looks for an id in which one character is wrong is asked whether another one was meant.
func TestSlips(t *testing.T) {
	for _, c := range []struct{ asked, meant string }{
		{"T-1008", "T-108"},      // a character too many
		{"T-108", "T-1008"},      // one too few
		{"T-1009", "T-1008"},     // another one
		{"T-1080", "T-1008"},     // two that have changed places
		{"t-1008", "T-1008"},     // the case
		{"-1008", "-10089"},      // at the end
		{"1008", "81008"},        // at the beginning
		{"жен-1", "жен-2"},       // characters of more than one byte
		{"жне-1", "жен-1"},       //
		{"T-2-1008", "T-1008-2"}, // two slips are too many
	} {
		want := c.asked != "T-2-1008"
		got := slips(c.asked)
		if slices.Contains(got, c.meant) != want {
			t.Errorf("asked for %s: %s among what may have been meant: %v, want %v", c.asked, c.meant, !want, want)
		}
		if slices.Contains(got, c.asked) || slices.Contains(got, "") || !slices.IsSorted(got) {
			t.Errorf("asked for %s: %q", c.asked, got)
		}
	}
	// Four are left without one, 6 × 10 have another one, 7 × 11 - 6 one more, and in three two neighbours that differ change places.
	if got, want := len(slips("11-008")), 4+60+71+3; got != want {
		t.Errorf("%d slips, want %d", got, want)
	}
}

func TestDidYouMean(t *testing.T) {
	db, err := warehouse.Open(t.Context(), warehouse.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(t.Context(), `INSERT INTO transactions BY NAME SELECT DATE '2026-11-20' AS delivery, 1 AS load_seq, 1 AS first_seq,
		1 AS file_id, range AS row_no, 'T-' || (1000 + range) AS transaction_id FROM range(9)`); err != nil {
		t.Fatal(err)
	}
	defer func(most int64) { mostDistances = most }(mostDistances)
	for _, mostDistances = range []int64{mostDistances, 8} { // few ids and many
		for _, c := range []struct{ asked, want string }{
			{"t-1008", "did you mean T-1008"},
			{"T-1108", "did you mean T-1008"},
			{"T1003", "did you mean T-1003"},
			{"X-77", ""},
		} {
			_, err := FindTransaction(t.Context(), db, c.asked)
			var missing *NotFoundError
			if !errors.As(err, &missing) || !strings.HasPrefix(missing.Hint(), c.want) || c.want == "" && missing.Hint() != "" {
				t.Errorf("%s, distances of up to %d ids: %v, want a hint that begins with %q", c.asked, mostDistances, err, c.want)
			}
		}
	}
}
