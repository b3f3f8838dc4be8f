package cli

import (
	"accrue/jobs"
	"accrue/pipeline"
	"accrue/pipeline/explain"
	"accrue/pipeline/program"
	"accrue/pipeline/reference"
)

// explanationText is an explanation as JSON: amounts are decimal texts, what is not known is left out.
type explanationText struct {
	Type     string          `json:"source_type"`
	ID       string          `json:"source_id"`
	Member   string          `json:"member_id"`
	Facts    []factText      `json:"facts"`
	From     *placeText      `json:"from,omitempty"`
	Others   []otherText     `json:"other_rows"`
	Lines    []lineText      `json:"lines,omitempty"`
	Returns  []returnText    `json:"returns,omitempty"`
	Programs []decisionsText `json:"programs"`
}

type factText struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type placeText struct {
	Delivery string `json:"delivery"`
	File     string `json:"file"`
	Row      int64  `json:"row"`
}

type otherText struct {
	placeText
	Dataset string `json:"dataset"`
	State   string `json:"state"`
	What    string `json:"what,omitempty"`
}

type lineText struct {
	LineNo   string `json:"line_no"`
	ItemID   string `json:"item_id"`
	Category string `json:"category,omitempty"`
	Brand    string `json:"brand,omitempty"`
	Quantity string `json:"quantity"`
	Units    string `json:"units_left,omitempty"`
	Amount   string `json:"amount"`
	Left     string `json:"amount_left,omitempty"`
}

type returnText struct {
	ID         string `json:"return_id"`
	LineNo     string `json:"line_no,omitempty"`
	Amount     string `json:"amount"`
	OccurredAt string `json:"occurred_at"`
}

type decisionsText struct {
	Program   string         `json:"program"`
	NeverRun  bool           `json:"never_run,omitempty"`
	Seen      *seenText      `json:"seen,omitempty"`
	Missing   string         `json:"no_source,omitempty"`
	Decisions []decisionText `json:"decisions"`
	Sums      []sumText      `json:"sums"`
	Ledger    []jobs.Grant   `json:"ledger"`
	Differs   bool           `json:"ledger_differs"`
}

type seenText struct {
	Unknown   string     `json:"unknown,omitempty"`
	Version   int        `json:"program_version,omitempty"`
	On        string     `json:"business_date"`
	At        string     `json:"instant"`
	Local     string     `json:"local_time"`
	Zone      string     `json:"time_zone"`
	ZoneOf    string     `json:"time_zone_of"`
	DayStarts string     `json:"day_starts_at"`
	Status    string     `json:"status"`
	Member    *stateText `json:"member,omitempty"`
	Basis     string     `json:"spend_basis,omitempty"`
	BasisText string     `json:"spend_basis_text,omitempty"`
	Returned  bool       `json:"fully_returned,omitempty"`
	First     bool       `json:"first_order,omitempty"`
	Previous  string     `json:"previous_transaction,omitempty"`
	Lines     []lineText `json:"lines,omitempty"`
}

type stateText struct {
	ID       string   `json:"member_id"`
	Delivery string   `json:"row_of_delivery,omitempty"`
	Tier     string   `json:"tier"`
	TierWhy  string   `json:"tier_from"`
	Closed   bool     `json:"closed"`
	JoinedOn string   `json:"joined_on,omitempty"`
	Tags     []string `json:"tags"`
}

type decisionText struct {
	Rule     string       `json:"rule"`
	Kind     program.Kind `json:"kind"`
	Version  int          `json:"program_version"`
	Member   string       `json:"member_id"`
	EarnedOn string       `json:"earned_on"`
	Tier     string       `json:"tier,omitempty"`
	Reward   string       `json:"reward,omitempty"`
	Amount   string       `json:"amount"`
	Reason   string       `json:"reason,omitempty"`
	Why      string       `json:"why,omitempty"`
	Holds    []holdsText  `json:"holds"`
	Lines    []judgedText `json:"lines,omitempty"`
	Exact    string       `json:"exact,omitempty"`
	Steps    []stepText   `json:"steps"`
}

type holdsText struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

type judgedText struct {
	LineNo    string `json:"line_no"`
	Qualifies bool   `json:"qualifies"`
	Why       string `json:"why"`
}

type stepText struct {
	Name   string `json:"name"`
	Text   string `json:"text"`
	Amount string `json:"amount"`
}

type sumText struct {
	Type   string `json:"source_type"`
	ID     string `json:"source_id"`
	Member string `json:"member_id"`
	Rule   string `json:"rule"`
	Reward string `json:"reward"`
	Owed   string `json:"owed"`
	Posted string `json:"posted"`
}

func explanationJSON(ex *jobs.Explanation) explanationText {
	s := ex.Source
	out := explanationText{
		Type: string(s.Type), ID: s.ID, Member: s.Member, Facts: []factText{}, Others: []otherText{}, Programs: []decisionsText{},
	}
	for _, f := range s.Facts {
		out.Facts = append(out.Facts, factText(f))
	}
	if len(s.Facts) > 0 {
		from := placeText(s.From)
		out.From = &from
	}
	for _, o := range s.Others {
		out.Others = append(out.Others, otherText{placeText(o.Place), o.Dataset, o.State, o.What})
	}
	for _, l := range s.Lines {
		out.Lines = append(out.Lines, lineText{LineNo: l.LineNo, ItemID: l.ItemID, Category: l.Category, Brand: l.Brand,
			Quantity: l.Quantity.String(), Amount: l.Amount.String()})
	}
	for _, r := range s.Returns {
		out.Returns = append(out.Returns, returnText{r.ID, r.LineNo, r.Amount.String(), r.OccurredAt.String()})
	}
	for _, pe := range ex.Programs {
		dt := decisionsText{Program: pe.Family.ID, NeverRun: pe.Never, Decisions: []decisionText{}, Sums: []sumText{},
			Ledger: append([]jobs.Grant{}, pe.Rows...)}
		if pe.Answer != nil {
			dt.Differs, dt.Sums = pe.Answer.Differs(), sumsJSON(pe.Answer.Sums)
			dt.Seen, dt.Missing = seenJSON(pe.Answer.Seen), pe.Answer.Missing
			dt.Decisions = decisionsJSON(pe.Answer.Decisions)
		}
		out.Programs = append(out.Programs, dt)
	}
	return out
}

func sumsJSON(sums []explain.Sum) []sumText {
	out := make([]sumText, 0, len(sums))
	for _, s := range sums {
		out = append(out, sumText{string(s.SourceType), s.SourceID, s.Member, s.Rule, s.Reward, s.Owed.String(), s.Posted.String()})
	}
	return out
}

func seenJSON(s *reference.Seen) *seenText {
	if s == nil {
		return nil
	}
	out := &seenText{
		Unknown: s.Unknown, Version: s.ProgramVersion, On: s.On.String(), At: s.At.UTC().Format(instantForm),
		Local: s.At.Format("2006-01-02T15:04:05.999999"), Zone: s.Zone, ZoneOf: s.ZoneOf, DayStarts: clockText(s.DayStartsAt),
		Status: s.Status,
	}
	if s.Member.ID != "" {
		out.Member = stateJSON(&s.Member)
	}
	if b := s.Purchase; b != nil {
		out.Basis, out.BasisText, out.Returned = b.Basis.String(), b.BasisText, b.FullyReturned
		out.First, out.Previous = b.FirstOrder, b.Previous
		for _, l := range b.Lines {
			out.Lines = append(out.Lines, lineText{LineNo: l.LineNo, ItemID: l.ItemID, Category: l.Category, Brand: l.Brand,
				Quantity: l.Quantity.String(), Units: l.Units.String(), Amount: l.Amount.String(), Left: l.Left.String()})
		}
	}
	return out
}

func stateJSON(m *reference.MemberState) *stateText {
	out := &stateText{ID: m.ID, Tier: m.Tier, TierWhy: m.TierWhy, Closed: m.Closed, Tags: append([]string{}, m.Tags...)}
	if m.Named {
		out.Delivery = m.Delivery.String()
	}
	if m.JoinedOn != nil {
		out.JoinedOn = m.JoinedOn.String()
	}
	return out
}

func decisionsJSON(list []reference.Decision) []decisionText {
	out := make([]decisionText, 0, len(list))
	for _, d := range list {
		t := decisionText{
			Rule: d.Rule, Kind: d.Kind, Version: d.ProgramVersion, Member: d.MemberID, EarnedOn: d.EarnedOn.String(), Tier: d.Tier,
			Reward: d.Reward, Amount: d.Amount.String(), Reason: d.Reason, Why: d.Why, Exact: d.Exact,
			Holds: []holdsText{}, Steps: []stepText{},
		}
		for _, c := range d.Holds {
			t.Holds = append(t.Holds, holdsText(c))
		}
		for _, l := range d.Lines {
			t.Lines = append(t.Lines, judgedText(l))
		}
		for _, st := range d.Steps {
			t.Steps = append(t.Steps, stepText{st.Name, st.Text, st.Amount.String()})
		}
		out = append(out, t)
	}
	return out
}

type grantText struct {
	Grant       jobs.Grant      `json:"grant"`
	Folder      string          `json:"folder"`
	File        string          `json:"file"`
	Explanation explanationText `json:"explanation"`
}

func grantJSON(ge *jobs.GrantExplanation) grantText {
	return grantText{ge.Grant, ge.Publication.Folder, ge.File, explanationJSON(ge.Explanation)}
}

type memberDayText struct {
	Member   string              `json:"member_id"`
	Date     string              `json:"date"`
	Rows     []placeText         `json:"rows"`
	Programs []memberProgramText `json:"programs"`
}

type memberProgramText struct {
	Program  string          `json:"program"`
	NeverRun bool            `json:"never_run,omitempty"`
	Horizon  string          `json:"known_through,omitempty"`
	State    *stateText      `json:"member,omitempty"`
	Sources  []daySourceText `json:"sources"`
	Totals   []totalText     `json:"totals"`
	Uses     []useText       `json:"limits_used"`
	Sums     []sumText       `json:"sums"`
	Ledger   []jobs.Grant    `json:"ledger"`
	Differs  bool            `json:"ledger_differs"`
}

type daySourceText struct {
	Type      string         `json:"source_type"`
	ID        string         `json:"source_id"`
	Seen      *seenText      `json:"seen,omitempty"`
	Decisions []decisionText `json:"decisions"`
}

type totalText struct {
	Reward string `json:"reward"`
	Owed   string `json:"owed"`
	Posted string `json:"posted"`
}

type useText struct {
	Rule    string          `json:"rule,omitempty"`
	Reward  string          `json:"reward"`
	Subject string          `json:"subject,omitempty"`
	Period  pipeline.Period `json:"period"`
	Start   string          `json:"period_start,omitempty"`
	Taken   *int            `json:"times,omitempty"`
	Times   *int            `json:"times_allowed,omitempty"`
	Granted string          `json:"amount"`
	Amount  string          `json:"amount_allowed,omitempty"`
}

func memberJSON(me *jobs.MemberExplanation) memberDayText {
	out := memberDayText{Member: me.Member, Date: me.Date.String(), Rows: []placeText{}, Programs: []memberProgramText{}}
	for _, r := range me.Rows {
		out.Rows = append(out.Rows, placeText(r))
	}
	for _, mp := range me.Programs {
		t := memberProgramText{Program: mp.Family.ID, NeverRun: mp.Never, Sources: []daySourceText{}, Totals: []totalText{},
			Uses: []useText{}, Sums: []sumText{}, Ledger: append([]jobs.Grant{}, mp.Grants...)}
		if mp.Day != nil {
			t.Horizon, t.State, t.Differs, t.Sums = mp.Horizon.String(), stateJSON(&mp.Day.State), mp.Day.Differs(), sumsJSON(mp.Day.Sums)
			for _, s := range mp.Day.Sources {
				t.Sources = append(t.Sources, daySourceText{string(s.Type), s.ID, seenJSON(s.Seen), decisionsJSON(s.Decisions)})
			}
			for _, total := range mp.Day.Totals {
				t.Totals = append(t.Totals, totalText{total.Reward, total.Owed.String(), total.Posted.String()})
			}
			for _, u := range mp.Day.Uses {
				t.Uses = append(t.Uses, useJSON(u))
			}
		}
		out.Programs = append(out.Programs, t)
	}
	return out
}

func useJSON(u explain.Use) useText {
	out := useText{Rule: u.Rule, Reward: u.Reward, Subject: u.Subject, Period: u.Period, Times: u.Times, Granted: u.Granted.String()}
	if u.Times != nil {
		out.Taken = &u.Taken
	}
	if u.Amount != nil {
		out.Amount = u.Amount.String()
	}
	if u.Start != pipeline.MinDate {
		out.Start = u.Start.String()
	}
	return out
}
