package jobs

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strings"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/schemas"
)

// Grant is one row of the ledger as it was published.
type Grant struct {
	GrantID        string `json:"grant_id"`
	Program        string `json:"program"`
	ProgramVersion int    `json:"program_version"`
	MemberID       string `json:"member_id"`
	Rule           string `json:"rule"`
	Reward         string `json:"reward"`
	Amount         string `json:"amount"` // decimal, signed
	Kind           string `json:"kind"`
	SourceType     string `json:"source_type"`
	SourceID       string `json:"source_id"`
	EarnedAt       string `json:"earned_at"` // RFC 3339, UTC
	EarnedOn       string `json:"earned_on"`
	PostedOn       string `json:"posted_on"`
	AvailableOn    string `json:"available_on"`
	ExpiresOn      string `json:"expires_on"` // "" for never
	Reason         string `json:"reason"`
	Seq            int    `json:"seq"`
	Run            string `json:"run,omitempty"` // that published it; only where the grants of one source are asked for

	N       int             `json:"-"`
	Value   pipeline.Amount `json:"-"`
	EarnedU int64           `json:"-"`
}

// GrantFilter picks rows of the ledger; empty fields pick all.
type GrantFilter struct {
	Program, Member, Rule, Reward string
	SourceType, SourceID          string
	PostedOn, EarnedOn            *pipeline.Date
	Limit                         int // 0 for all

	from string // a relation with all that it picks; "" for the ledger
}

// where returns the filter as SQL with its arguments.
func (r *Reader) where(ctx context.Context, f GrantFilter) (string, []any, error) {
	var conds []string
	var args []any
	for _, c := range []struct{ column, hash, value string }{
		{"program", "", f.Program}, {"member_id", schemas.MemberHash, f.Member}, {"rule", "", f.Rule}, {"reward", "", f.Reward},
		{"CAST(source_type AS VARCHAR)", "", f.SourceType}, {"source_id", schemas.SourceHash, f.SourceID},
	} {
		switch {
		case c.value == "":
		case c.hash != "":
			holding, err := r.db.Holding(ctx, c.column, c.hash, c.value)
			if err != nil {
				return "", nil, err
			}
			conds = append(conds, holding)
		default:
			conds, args = append(conds, c.column+" = ?"), append(args, c.value)
		}
	}
	if f.PostedOn != nil {
		conds, args = append(conds, "posted_on = CAST(? AS DATE)"), append(args, f.PostedOn.String())
	}
	if f.EarnedOn != nil {
		conds, args = append(conds, "earned_on = CAST(? AS DATE)"), append(args, f.EarnedOn.String())
	}
	if len(conds) == 0 {
		return "", nil, nil
	}
	return " WHERE " + strings.Join(conds, " AND "), args, nil
}

// CountGrants counts the rows that a filter picks, its limit aside.
func (r *Reader) CountGrants(ctx context.Context, f GrantFilter) (int64, error) {
	where, args, err := r.where(ctx, f)
	if err != nil {
		return 0, err
	}
	var n int64
	err = r.db.QueryRow(ctx, "SELECT count(*) FROM ledger"+where, args...).Scan(&n)
	return n, err
}

// Grants calls fn for each row of the ledger that the filter picks, in the order in which they were published: by
// posted_on, program and seq, then as in the files by member, time and grant.
func (r *Reader) Grants(ctx context.Context, f GrantFilter, fn func(Grant) error) error {
	where, args, err := r.where(ctx, f)
	if err != nil {
		return err
	}
	query := `SELECT program, program_version, member_id, rule, reward, amount, kind, source_type, source_id, n, earned_us,
		CAST(earned_on AS VARCHAR), CAST(posted_on AS VARCHAR), CAST(available_on AS VARCHAR), CAST(expires_on AS VARCHAR),
		reason, seq FROM ` + cmp.Or(f.from, "ledger") + where + `
		ORDER BY posted_on, program, seq, member_id, earned_us, rule, source_type, source_id, n`
	if f.Limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	var g Grant
	var amount int64
	var expires sql.NullString
	scales := r.Project.scales()
	return r.db.Each(ctx, query, args, []any{
		&g.Program, &g.ProgramVersion, &g.MemberID, &g.Rule, &g.Reward, &amount, &g.Kind, &g.SourceType, &g.SourceID, &g.N,
		&g.EarnedU, &g.EarnedOn, &g.PostedOn, &g.AvailableOn, &expires, &g.Reason, &g.Seq,
	}, func() error {
		g.Value = pipeline.Amount(amount)
		g.Amount = scales.format(g.Program, g.Reward, g.Value)
		g.ExpiresOn = expires.String
		g.EarnedAt = time.UnixMicro(g.EarnedU).UTC().Format(time.RFC3339Nano)
		g.GrantID = pipeline.GrantID(g.Program, g.Rule, pipeline.SourceType(g.SourceType), g.SourceID, g.N)
		return fn(g)
	})
}

// scales holds the decimal places of each program's rewards: the most that any version gives them.
type scales map[[2]string]int

// scales reads the programs; where they cannot be read, amounts are shown as they are.
func (p *Project) scales() scales {
	out := scales{}
	fams, err := p.Programs()
	if err != nil {
		return out
	}
	for _, fam := range fams {
		for _, v := range fam.Versions {
			for _, r := range v.Rewards {
				k := [2]string{fam.ID, r.ID}
				out[k] = max(out[k], r.Scale)
			}
		}
	}
	return out
}

// ruleScales are the scales of what rules pay, by program and rule: where all that a rule may pay has the same one. A
// multiplier pays in any reward.
func ruleScales(families []*program.Family) map[[2]string]int {
	out, several := map[[2]string]int{}, map[[2]string]bool{}
	for _, fam := range families {
		for _, v := range fam.Versions {
			for _, r := range v.AllRules() {
				rewards := v.Rewards
				if r.Reward != nil {
					rewards = []*program.Reward{r.Reward}
				}
				for _, w := range rewards {
					k := [2]string{fam.ID, r.ID}
					n, known := out[k]
					out[k], several[k] = w.Scale, several[k] || known && n != w.Scale
				}
			}
		}
	}
	maps.DeleteFunc(out, func(k [2]string, _ int) bool { return several[k] })
	return out
}

func (s scales) format(program, reward string, a pipeline.Amount) string {
	if places, ok := s[[2]string{program, reward}]; ok && a%pow10(pipeline.AmountPlaces-places) == 0 {
		return a.Format(places)
	}
	return a.String()
}

func pow10(n int) pipeline.Amount {
	out := pipeline.Amount(1)
	for ; n > 0; n-- {
		out *= 10
	}
	return out
}
