// Package explain answers why a source earned what it did: it reads the facts of one member from the warehouse and
// lets the reference evaluator work them out again, row by row, with every step noted.
//
// That is a second reading of the program, independent of the passes that posted the grants; where the two disagree,
// the answer says so. Only rules with a budget make one member depend on others: then everybody's facts are read.
// Start with Source, which describes what is asked about, and Decide, which explains it.
package explain

import (
	"context"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
	"accrue/pipeline/warehouse"
)

// Answer is what one program decided about a source.
type Answer struct {
	Decisions []reference.Decision // of every rule that looks at the source, in the order in which they are evaluated
	Sums      []Sum                // what is owed beside what was posted, by member, rule and reward
}

// Sum holds what a source earns by the reference against what the ledger holds for it.
type Sum struct {
	Member, Rule, Reward string
	Owed, Posted         decimal.Decimal
}

// Differs reports whether the ledger disagrees.
func (s Sum) Differs() bool { return !s.Owed.Equal(s.Posted) }

// Differs reports whether the ledger disagrees anywhere.
func (a *Answer) Differs() bool {
	for _, s := range a.Sums {
		if s.Differs() {
			return true
		}
	}
	return false
}

// Decide works out again what the program owes for a source, up to the horizon, and holds it against the ledger.
func Decide(ctx context.Context, db *warehouse.DB, fam *program.Family, horizon pipeline.Date, s *Source) (*Answer, error) {
	facts, err := factsFor(ctx, db, fam, s)
	if err != nil {
		return nil, err
	}
	res := reference.Evaluate(fam, *facts, reference.Options{
		Horizon: horizon,
		Trace: func(t pipeline.SourceType, id, _ string) bool {
			return t == s.Type && id == s.ID
		},
	})
	out := &Answer{Decisions: res.Decisions}
	sums := map[[3]string]*Sum{}
	at := func(member, rule, reward string) *Sum {
		k := [3]string{member, rule, reward}
		if sums[k] == nil {
			sums[k] = &Sum{Member: member, Rule: rule, Reward: reward}
		}
		return sums[k]
	}
	for _, e := range res.Entitlements {
		if e.SourceType == s.Type && e.SourceID == s.ID {
			sum := at(e.MemberID, e.Rule, e.Reward)
			sum.Owed = sum.Owed.Add(e.Amount)
		}
	}
	var member, rule, reward string
	var posted int64
	if err := db.Each(ctx, `SELECT member_id, rule, reward, CAST(sum(amount) AS BIGINT) FROM ledger
		WHERE program = ? AND CAST(source_type AS VARCHAR) = ? AND source_id = ? GROUP BY ALL`,
		[]any{fam.ID, string(s.Type), s.ID}, []any{&member, &rule, &reward, &posted}, func() error {
			at(member, rule, reward).Posted = money(posted)
			return nil
		}); err != nil {
		return nil, err
	}
	out.Sums = sorted(sums, fam.RuleIDs())
	return out, nil
}

// factsFor reads as little as explains the source.
func factsFor(ctx context.Context, db *warehouse.DB, fam *program.Family, s *Source) (*reference.Facts, error) {
	switch {
	case hasBudget(fam):
		return Facts(ctx, db, "")
	case s.Member == "":
		return ofTransaction(ctx, db, s.ID)
	}
	return Facts(ctx, db, s.Member)
}

func hasBudget(fam *program.Family) bool {
	for _, v := range fam.Versions {
		for _, r := range v.Rules {
			if r.Budget != nil {
				return true
			}
		}
	}
	return false
}
