package cases

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
)

// Reference is the engine of package reference. It reads the CSV text of the case itself and knows entitlements and
// rejects, but keeps no ledger.
type Reference struct{}

// Run evaluates the case as it stands after its last run.
func (Reference) Run(c Case) (Outcome, error) {
	families, err := Families(c)
	if err != nil {
		return Outcome{}, err
	}
	deliveries, places, err := Rows(c)
	if err != nil {
		return Outcome{}, err
	}
	facts, rejects := reference.Resolve(deliveries, Currencies(families))
	var out Outcome
	for _, f := range families {
		for _, e := range reference.Evaluate(f, facts, reference.Options{Horizon: c.Horizon()}).Entitlements {
			out.Entitlements = append(out.Entitlements, EntitlementRecord(f.ID, e))
		}
	}
	for _, r := range rejects {
		out.Rejects = append(out.Rejects, Record{
			"dataset": r.Dataset, "delivery": r.Delivery.String(), "row": strconv.Itoa(places.rowInFile(r)), "reason": r.Reason,
		})
	}
	return out, nil
}

// EntitlementRecord has all columns of EntitlementColumns.
func EntitlementRecord(program string, e reference.Entitlement) Record {
	return Record{
		"program": program, "program_version": strconv.Itoa(e.ProgramVersion), "member_id": e.MemberID, "rule": e.Rule,
		"reward": e.Reward, "amount": e.Amount.String(), "source_type": string(e.SourceType), "source_id": e.SourceID,
		"earned_at": FormatInstant(e.EarnedAt), "earned_on": e.EarnedOn.String(),
	}
}

// FormatInstant writes an instant as grant files do: RFC 3339 in UTC, with six digits of fraction where they are not
// all zero.
func FormatInstant(t time.Time) string {
	layout := "2006-01-02T15:04:05Z"
	if t.Nanosecond() != 0 {
		layout = "2006-01-02T15:04:05.000000Z"
	}
	return t.UTC().Format(layout)
}

// Families returns the programs of a case: its own, parsed and the versions of each side by side, or the project's.
func Families(c Case) ([]*program.Family, error) {
	if len(c.Programs) == 0 {
		return c.Families, nil
	}
	var programs []*program.Program
	var faults []error
	for _, text := range c.Programs {
		if text.Beside() {
			continue
		}
		p, bad := program.ParseWith(text.Name, []byte(text.Text), c.open)
		if len(bad) > 0 {
			faults = append(faults, bad)
			continue
		}
		programs = append(programs, p)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%s: %w", c.Place(c.Line), errors.Join(faults...))
	}
	families, bad := program.Families(programs)
	if len(bad) > 0 {
		return nil, fmt.Errorf("%s: %w", c.Place(c.Line), bad)
	}
	return families, nil
}

// Beside reports a file that a program names, such as a list of gift codes, and that is no program.
func (t Text) Beside() bool { return filepath.Ext(t.Name) == ".csv" }

// open reads a file that a program names.
func (c *Case) open(name string) (string, []byte, error) {
	for _, t := range c.Programs {
		if t.Beside() && t.Name == name {
			return name, []byte(t.Text), nil
		}
	}
	return name, nil, errors.New("the case has no such file")
}

// Currencies are those of all programs: a transaction in another is rejected.
func Currencies(families []*program.Family) []string {
	var out []string
	for _, f := range families {
		out = append(out, f.Versions[0].Currency)
	}
	return out
}

// Places say in which file the rows of a dataset stand that Rows has put one after the other.
type Places map[pipeline.Date]map[string][]int // rows of each file, in order

// rowInFile returns the number that a rejected row has in its own file.
func (p Places) rowInFile(r reference.Reject) int {
	row := r.Row
	for _, n := range p[r.Delivery][r.Dataset] {
		if row <= n {
			break
		}
		row -= n
	}
	return row
}

// Rows reads the CSV texts of the deliveries that the case's runs load: those up to its horizon.
func Rows(c Case) ([]reference.Delivery, Places, error) {
	var out []reference.Delivery
	places := Places{}
	for _, d := range c.Deliveries {
		if d.Date > c.Horizon() {
			continue
		}
		delivery := reference.Delivery{Date: d.Date, Datasets: map[string][]reference.Row{}}
		places[d.Date] = map[string][]int{}
		for _, f := range d.Files {
			dataset := DatasetOf(f.Name)
			table, err := ReadTable(f.Text, max(f.Line, 1))
			if err != nil {
				bad := err.(*TableError)
				return nil, nil, fmt.Errorf("%s: %s of %s: %s", c.Place(bad.Line), f.Name, d.Date, bad.What)
			}
			rows := make([]reference.Row, len(table.Rows))
			for i, r := range table.Rows {
				if len(r.Cells) == len(table.Columns) { // else it stays nil: a bad row
					rows[i] = reference.Row(table.record(r))
				}
			}
			delivery.Datasets[dataset] = append(delivery.Datasets[dataset], rows...)
			places[d.Date][dataset] = append(places[d.Date][dataset], len(rows))
		}
		out = append(out, delivery)
	}
	return out, places, nil
}
