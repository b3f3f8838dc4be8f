package cli

import (
	"accrue/jobs"
	"accrue/pipeline/reference"
)

// explanationText is an explanation as JSON: amounts are decimal texts.
type explanationText struct {
	Type     string          `json:"source_type"`
	ID       string          `json:"source_id"`
	Member   string          `json:"member_id"`
	Programs []decisionsText `json:"programs"`
}

type decisionsText struct {
	Program   string         `json:"program"`
	Decisions []decisionText `json:"decisions"`
	Ledger    []jobs.Grant   `json:"ledger"`
	Differs   bool           `json:"ledger_differs"`
}

type decisionText struct {
	Rule     string     `json:"rule"`
	Version  int        `json:"program_version"`
	EarnedOn string     `json:"earned_on"`
	Tier     string     `json:"tier,omitempty"`
	Reward   string     `json:"reward,omitempty"`
	Amount   string     `json:"amount"`
	Reason   string     `json:"reason,omitempty"`
	Why      string     `json:"why,omitempty"`
	Steps    []stepText `json:"steps"`
}

type stepText struct {
	Name   string `json:"name"`
	Text   string `json:"text"`
	Amount string `json:"amount"`
}

func explanationJSON(ex *jobs.Explanation) explanationText {
	out := explanationText{
		Type: string(ex.Source.Type), ID: ex.Source.ID, Member: ex.Source.Member, Programs: []decisionsText{},
	}
	for _, pe := range ex.Programs {
		dt := decisionsText{Program: pe.Family.ID, Decisions: []decisionText{}, Ledger: append([]jobs.Grant{}, pe.Rows...)}
		if pe.Answer != nil {
			dt.Differs = pe.Answer.Differs()
			for _, d := range pe.Answer.Decisions {
				dt.Decisions = append(dt.Decisions, decisionJSON(d))
			}
		}
		out.Programs = append(out.Programs, dt)
	}
	return out
}

func decisionJSON(d reference.Decision) decisionText {
	t := decisionText{
		Rule: d.Rule, Version: d.ProgramVersion, EarnedOn: d.EarnedOn.String(), Tier: d.Tier, Reward: d.Reward, Amount: d.Amount.String(),
		Reason: d.Reason, Why: d.Why, Steps: []stepText{},
	}
	for _, st := range d.Steps {
		t.Steps = append(t.Steps, stepText{st.Name, st.Text, st.Amount.String()})
	}
	return t
}
