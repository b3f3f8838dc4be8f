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

// Basis is a digest of what an evaluation follows from beside the facts: the passes, the text of the program's versions
// and of the files that they name, and what the clocks do in its zones. Evaluating only what has changed presumes that
// this has not.
func Basis(ctx context.Context, db *warehouse.DB, fam *program.Family) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "passes %d\n", revision)
	for _, v := range fam.Versions {
		fmt.Fprintf(h, "version %d from %s: %s\n", v.Version, v.EffectiveFrom, v.SHA256)
		for _, f := range v.Files {
			fmt.Fprintf(h, "file %q: %s\n", f.Name, f.SHA256)
		}
	}
	writeClock(h, fam.Versions[0].Location)
	if fam.Versions[0].Day == program.DayStore {
		var name string
		if err := db.Each(ctx, "SELECT DISTINCT time_zone FROM stores WHERE time_zone IS NOT NULL ORDER BY 1", nil, []any{&name}, func() error {
			loc, err := time.LoadLocation(name)
			if err == nil {
				writeClock(h, loc)
			}
			return err
		}); err != nil {
			return "", fmt.Errorf("looking at the stores' zones: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
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
