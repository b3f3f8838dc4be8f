package jobs

import (
	"context"

	"accrue/pipeline"
	"accrue/pipeline/explain"
	"accrue/pipeline/program"
)

// MemberExplanation is everything of a member on a business date, program by program.
type MemberExplanation struct {
	Member   string
	Date     pipeline.Date
	Rows     []explain.Place // where the members files name the member
	Programs []MemberProgram
}

// MemberProgram is what one program makes of a member's date.
type MemberProgram struct {
	Family  *program.Family
	Horizon pipeline.Date // business dates after it were unknown to the last run
	Never   bool          // the program has never run; there is no day
	Day     *explain.Day
	Grants  []Grant // the ledger's rows of the member that were earned on the date
}

// ExplainMember explains a member's date. The error is an *explain.NotFoundError if no file names the member.
func (r *Reader) ExplainMember(ctx context.Context, member string, date pipeline.Date) (*MemberExplanation, error) {
	if err := explain.FindMember(ctx, r.db, member); err != nil {
		return nil, err
	}
	out := &MemberExplanation{Member: member, Date: date}
	var err error
	if out.Rows, err = explain.MemberPlaces(ctx, r.db, member); err != nil {
		return nil, err
	}
	err = r.eachProgram(ctx, "", func(fam *program.Family, horizon *pipeline.Date) error {
		mp := MemberProgram{Family: fam, Never: horizon == nil}
		if horizon != nil {
			mp.Horizon = *horizon
			var err error
			if mp.Day, err = explain.OnDay(ctx, r.db, fam, mp.Horizon, member, date); err != nil {
				return err
			}
			if mp.Grants, err = r.grantsOf(ctx, GrantFilter{Program: fam.ID, Member: member, EarnedOn: &date}); err != nil {
				return err
			}
		}
		out.Programs = append(out.Programs, mp)
		return nil
	})
	return out, err
}
