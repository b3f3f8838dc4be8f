//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"accrue/jobs"
	"accrue/pipeline"
	"accrue/pipeline/cases"
	"accrue/pipeline/explain"
)

// One member in sampleOf is taken, of small deliveries so many more that there are about sampleMembers: a delivery has a
// member for every four transactions.
const (
	sampleOf      = 1000
	sampleMembers = 600
)

// differencesShown of a sample, at most.
const differencesShown = 20

// agree holds the ledger of the run in a project against what the reference evaluator works out for a sample of members,
// and says how that came out.
func (b *bench) agree(s subject, project string) string {
	b.t.Helper()
	found := b.found(s.name+", the reference", task{
		Kind: "reference", Work: project, Warehouse: filepath.Join(project, "warehouse", "accrue.duckdb"), Size: b.size,
	})
	verdict := "agrees"
	if len(found.Differences) > 0 {
		verdict = differs
	}
	return fmt.Sprintf("the reference %s on %s members, %s grants", verdict, grouped(found.Members), grouped(found.Grants))
}

// referenceChild works out again, row by row, what the members of a sample are owed, and holds every entitlement against
// the ledger's grants. Facts and grants of the others stay where they are.
func referenceChild(ctx context.Context, t task) error {
	project, err := jobs.Open(t.Work)
	if err != nil {
		return err
	}
	families, err := project.Programs()
	if err != nil {
		return err
	}
	fam := families[0]
	if explain.ReadsEverybody(fam) {
		return fmt.Errorf("%s: what a member is owed depends on what others did; a sample of members cannot be worked out", fam.ID)
	}
	horizon, err := pipeline.ParseDate(date)
	if err != nil {
		return err
	}
	db, err := session(ctx, t)
	if err != nil {
		return err
	}
	defer db.Close()
	sampled := fmt.Sprintf("member_id IS NOT NULL AND hash(member_id) %% %d = 0", max(1, min(sampleOf, t.Size/4/sampleMembers)))

	var members []string
	var id string
	if err := db.Each(ctx, `SELECT DISTINCT member_id FROM (SELECT member_id FROM transactions UNION ALL
		SELECT member_id FROM activities UNION ALL SELECT member_id FROM members UNION ALL SELECT member_id FROM ledger)
		WHERE `+sampled, nil, []any{&id}, func() error {
		members = append(members, id)
		return nil
	}); err != nil {
		return err
	}
	owed, err := explain.Owed(ctx, db, fam, horizon, members)
	if err != nil {
		return err
	}
	var worked, posted cases.Outcome
	for _, e := range owed {
		worked.Entitlements = append(worked.Entitlements, cases.EntitlementRecord(fam.ID, e))
	}
	if posted.Entitlements, err = jobs.EntitlementRecords(ctx, db, `SELECT program, program_version, member_id, rule, reward, amount,
		CAST(source_type AS VARCHAR), source_id, earned_us, CAST(earned_on AS VARCHAR) FROM ledger WHERE `+sampled); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(heldTogether(worked, posted, len(members)))
}

// heldTogether is the comparison of what was worked out for so many members with what was posted.
func heldTogether(worked, posted cases.Outcome, members int) comparison {
	out := comparison{Members: int64(members), Grants: int64(len(posted.Entitlements))}
	if text := cases.Compare("the reference", worked, "the ledger", posted); text != "" {
		out.Differences = strings.Split(text, "\n")
	}
	if more := len(out.Differences) - differencesShown; more > 0 {
		out.Differences = append(out.Differences[:differencesShown], fmt.Sprintf("and %d lines more", more))
	}
	if out.Grants == 0 {
		out.Differences = append(out.Differences, "the sample holds no grants")
	}
	return out
}
