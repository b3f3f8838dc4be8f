// Package explain answers why a source earned what it did: it reads the facts of one member from the warehouse and
// lets the reference evaluator work them out again, row by row, with every step noted.
//
// That is a second reading of the program, independent of the passes that posted the grants; where the two disagree,
// the answer says so. A rule with a budget makes one member depend on all others: then everybody's facts are read
// (pick.go).
//
// Start with Source, which describes what is asked about, and Decide, which explains it. Day explains everything of a
// member on a date (member.go), and Bulk everything of everybody in a range of dates, members in chunks (bulk.go).
package explain

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// Answer is what one program decided about a source.
type Answer struct {
	Seen      *reference.Seen      // the source as the program sees it; nil where no row holds any more
	Missing   string               // why a birthday is no source at all; empty for others
	Decisions []reference.Decision // of every rule that looks at the source, in the order in which they are evaluated
	Sums      []Sum                // what is owed beside what was posted, by member, rule and reward
}

// Sum holds what a source earns by the reference against what the ledger holds for it.
type Sum struct {
	SourceType           pipeline.SourceType
	SourceID             string
	Member, Rule, Reward string
	Owed, Posted         decimal.Decimal
}

// Differs reports whether the ledger disagrees.
func (s Sum) Differs() bool { return !s.Owed.Equal(s.Posted) }

// Differs reports whether the ledger disagrees anywhere.
func (a *Answer) Differs() bool { return slices.ContainsFunc(a.Sums, Sum.Differs) }

// Ledger gathers the ledger's rows for a source in a temporary table, so that all programs look for them once, and returns
// its name.
func Ledger(ctx context.Context, db *warehouse.DB, s *Source) (string, error) {
	const table = "explain_ledger"
	holding, err := db.Holding(ctx, "source_id", schemas.SourceHash, s.ID)
	if err != nil {
		return "", err
	}
	_, err = db.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+table+" AS SELECT * FROM ledger WHERE source_type = ? AND "+holding, string(s.Type))
	return table, err
}

// Decide works out again what the program owes for a source, up to the horizon, and holds it against the ledger: a
// relation that has at least the source's rows of it.
func Decide(ctx context.Context, db *warehouse.DB, fam *program.Family, horizon pipeline.Date, s *Source, ledger string) (*Answer, error) {
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
	if len(res.Seen) > 0 {
		out.Seen = &res.Seen[0]
	} else if s.Type == pipeline.SourceBirthday {
		if _, year, ok := parseBirthday(s.ID); ok && hasKind(fam, program.KindBirthday) {
			out.Missing = reference.NoBirthday(fam, *facts, horizon, s.Member, year)
		}
	}
	sums := tally{}
	for _, e := range res.Entitlements {
		if e.SourceType == s.Type && e.SourceID == s.ID {
			sums.owe(e)
		}
	}
	if err := sums.post(ctx, db, ledger, "program = ? AND source_type = ? AND source_id = ?", fam.ID, string(s.Type), s.ID); err != nil {
		return nil, err
	}
	out.Sums = sums.sorted(fam)
	return out, nil
}

// factsFor reads as little as explains the source.
func factsFor(ctx context.Context, db *warehouse.DB, fam *program.Family, s *Source) (*reference.Facts, error) {
	p := picker{ctx, db}
	if err := p.start(); err != nil {
		return nil, err
	}
	if s.Member == "" {
		if err := p.purchase(s.ID); err != nil {
			return nil, err
		}
	} else if err := p.members(fam, s.Member); err != nil {
		return nil, err
	}
	return read(ctx, db, dependsOnAll(fam))
}

// tally gathers sums by what they are of.
type tally map[sumKey]*Sum

type sumKey struct {
	sourceType                     pipeline.SourceType
	sourceID, member, rule, reward string
}

func (t tally) at(k sumKey) *Sum {
	if t[k] == nil {
		t[k] = &Sum{SourceType: k.sourceType, SourceID: k.sourceID, Member: k.member, Rule: k.rule, Reward: k.reward}
	}
	return t[k]
}

func (t tally) owe(e reference.Entitlement) {
	sum := t.at(sumKey{e.SourceType, e.SourceID, e.MemberID, e.Rule, e.Reward})
	sum.Owed = sum.Owed.Add(e.Amount)
}

// post adds what the ledger, or a part of it, holds where the condition is true.
func (t tally) post(ctx context.Context, db *warehouse.DB, ledger, where string, args ...any) error {
	var k sumKey
	var kind string
	var posted int64
	return db.Each(ctx, `SELECT CAST(source_type AS VARCHAR), source_id, member_id, rule, reward, CAST(sum(amount) AS BIGINT)
		FROM `+ledger+` WHERE `+where+` GROUP BY ALL`, args, []any{&kind, &k.sourceID, &k.member, &k.rule, &k.reward, &posted},
		func() error {
			k.sourceType = pipeline.SourceType(kind)
			t.at(k).Posted = money(posted)
			return nil
		})
}

// sorted orders sums by source, the rules' places, member and reward.
func (t tally) sorted(fam *program.Family) []Sum {
	place := map[string]int{}
	for i, r := range fam.RuleIDs() {
		place[r] = i
	}
	out := make([]Sum, 0, len(t))
	for _, s := range t {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Sum) int {
		return cmp.Or(cmp.Compare(a.SourceType, b.SourceType), strings.Compare(a.SourceID, b.SourceID),
			cmp.Compare(place[a.Rule], place[b.Rule]), strings.Compare(a.Rule, b.Rule),
			strings.Compare(a.Member, b.Member), strings.Compare(a.Reward, b.Reward))
	})
	return out
}
