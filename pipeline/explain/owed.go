package explain

import (
	"context"
	"slices"

	"accrue/pipeline"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
	"accrue/pipeline/warehouse"
)

// ReadsEverybody reports whether what one member is owed depends on what all others earned before.
func ReadsEverybody(fam *program.Family) bool { return dependsOnAll(fam) }

// Owed works out again what a program owes to the members, up to the horizon; nil members stand for everybody.
func Owed(ctx context.Context, db *warehouse.DB, fam *program.Family, horizon pipeline.Date, members []string) ([]reference.Entitlement, error) {
	p := picker{ctx, db}
	if err := p.start(); err != nil {
		return nil, err
	}
	if err := p.members(fam, members...); err != nil {
		return nil, err
	}
	facts, err := read(ctx, db, members == nil || dependsOnAll(fam))
	if err != nil {
		return nil, err
	}
	owed := reference.Evaluate(fam, *facts, reference.Options{Horizon: horizon}).Entitlements
	if members == nil {
		return owed, nil
	}
	wanted := map[string]bool{}
	for _, m := range members {
		wanted[m] = true
	}
	return slices.DeleteFunc(owed, func(e reference.Entitlement) bool { return !wanted[e.MemberID] }), nil
}
