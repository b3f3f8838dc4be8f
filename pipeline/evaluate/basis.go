package evaluate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/warehouse"
)

// revision counts the changes of the passes by which the same facts could come to another result. It only ever grows.
const revision = 1

// Basis holds digests of what an evaluation follows from beside the facts. Evaluating only what has changed presumes that
// it has not.
type Basis struct {
	// All is of the passes, the text of the program's versions and of the files that they name, and the clock.
	All string
	// Clock is of what turns moments into business dates: when a day starts, and what the clocks do in the zones.
	Clock string
}

// NewBasis makes the digests for a program.
func NewBasis(ctx context.Context, db *warehouse.DB, fam *program.Family) (Basis, error) {
	all, clock := sha256.New(), sha256.New()
	v := fam.Versions[0]
	fmt.Fprintf(clock, "%s days start at %s\n", v.Day, v.DayStartsAt)
	writeClock(clock, v.Location)
	if v.Day == program.DayStore {
		var name string
		if err := db.Each(ctx, "SELECT DISTINCT time_zone FROM stores WHERE time_zone IS NOT NULL ORDER BY 1", nil, []any{&name}, func() error {
			loc, err := time.LoadLocation(name)
			if err == nil {
				writeClock(clock, loc)
			}
			return err
		}); err != nil {
			return Basis{}, fmt.Errorf("looking at the stores' zones: %w", err)
		}
	}
	b := Basis{Clock: hex.EncodeToString(clock.Sum(nil))}
	fmt.Fprintf(all, "passes %d\nclock %s\n", revision, b.Clock)
	for _, v := range fam.Versions {
		fmt.Fprintf(all, "version %d from %s: %s\n", v.Version, v.EffectiveFrom, v.SHA256)
		for _, f := range v.Files {
			fmt.Fprintf(all, "file %q: %s\n", f.Name, f.SHA256)
		}
	}
	b.All = hex.EncodeToString(all.Sum(nil))
	return b, nil
}

// writeClock writes when a zone changes its clock, and to what: the machine may have learned of a new law since.
func writeClock(w io.Writer, loc *time.Location) {
	const firstYear, lastYear = 1970, 2100
	at, end := time.Date(firstYear, 1, 1, 0, 0, 0, 0, loc), time.Date(lastYear, 1, 1, 0, 0, 0, 0, loc)
	for at.Before(end) {
		_, offset := at.Zone()
		fmt.Fprintf(w, "%s from %d: %d\n", loc, at.Unix(), offset)
		next, ok := pipeline.NextChange(at)
		if !ok {
			break
		}
		at = next
	}
}
