// Package tell tells a program back in plain sentences, rule by rule, and says in sentences how two versions of a
// program differ. What it says, it takes from the checked program alone, so that a person can hold it against what
// was meant.
//
// Everything that a program or a rule says is first a list of pieces, each a few words under a key. Family puts the
// pieces together into sentences; Changes holds the pieces of two versions against each other, key by key: what is
// new reads "now …", what is gone "no longer …", what has changed "… instead of …". A kind of rule adds one file here,
// kind_<name>.go.
package tell

import (
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// Version is one version of a program in sentences.
type Version struct {
	Program string
	Number  int
	Name    string
	Span    program.Span // the dates on which it is in force; Until is MaxDate for the newest one
	File    string
	// Frame is what holds for all rules: days, tiers, what counts as spent, rewards, limits over all rules.
	Frame []string
	Rules []Rule
	// Changes is what is otherwise than in the version before; nil for the first.
	Changes []string
}

// Rule is one rule in sentences. The first says who earns how much for what.
type Rule struct {
	ID          string
	Kind        program.Kind
	Description string // as written
	Line        int
	Sentences   []string
}

// Family tells all versions of a program, in the order in which they take effect.
func Family(fam *program.Family) []Version {
	out := make([]Version, len(fam.Versions))
	for i, p := range fam.Versions {
		v := Version{Program: p.ID, Number: p.Version, Name: p.Name, Span: fam.Span(i), File: p.File, Frame: frameSentences(p)}
		for _, r := range p.Rules {
			v.Rules = append(v.Rules, Rule{ID: r.ID, Kind: r.Kind, Description: r.Description, Line: r.Pos.Line,
				Sentences: ruleSentences(p, r)})
		}
		if i > 0 {
			v.Changes = Changes(fam.Versions[i-1], p)
		}
		out[i] = v
	}
	return out
}

// piece is one thing that a program or a rule says.
type piece struct {
	key string
	// words can stand behind "now", "no longer" and "instead of".
	words string
	place place
	// sentence tells it on its own; "" for the words as a sentence.
	sentence string
}

// place says where a piece of a rule is told.
type place int

const (
	byItself  place = iota // a sentence of its own
	inMain                 // in the first sentence, after a comma
	inLimits               // in the first sentence, behind "at most"
	condition              // in the sentence that begins with "Only"
	compared               // not at all: only versions are compared by it
)

// told returns the sentence of a piece.
func (p piece) told() string {
	if p.sentence != "" {
		return p.sentence
	}
	return sentence(p.words)
}

// ruleSentences tells a rule.
func ruleSentences(p *program.Program, r *program.Rule) []string {
	w := ruleWords(p, r)
	earn := earningWords(w.earnings)
	if w.told > 0 {
		earn = earningWords(w.earnings[:w.told])
	}
	first := strings.TrimSpace(earn + " " + w.what)
	if w.whatFirst {
		first = w.what + ", " + earn
	}
	var limits, conditions, rest []string
	for _, piece := range w.pieces {
		switch piece.place {
		case compared:
		case inMain:
			first += ", " + piece.words
		case inLimits:
			limits = append(limits, strings.TrimPrefix(piece.words, atMost))
		case condition:
			conditions = append(conditions, strings.TrimPrefix(piece.words, only))
		default:
			rest = append(rest, piece.told())
		}
	}
	if len(limits) > 0 {
		first += ", " + atMost + list(limits, "and")
	}
	out := []string{sentence(first)}
	if len(conditions) > 0 {
		out = append(out, sentence(only+strings.Join(conditions, ", ")))
	}
	return append(out, rest...)
}

const (
	atMost = "at most "
	only   = "only "
)

// words is a rule as pieces.
type words struct {
	earnings  []earning
	told      int    // how many of the earnings are told, where they are too many; 0 for all
	what      string // what is paid for: "for every full INR 100 spent"
	whatFirst bool   // the sentence begins with it
	pieces    []piece
}

// ruleWords takes a rule apart: what its kind says, then what every rule can have.
func ruleWords(p *program.Program, r *program.Rule) words {
	t := teller{p: p, rule: r}
	var w words
	switch b := r.Body.(type) {
	case *program.Spend:
		w = t.spend(b)
	case *program.Visit:
		w = t.visit(b)
	case *program.Quantity:
		w = t.quantity(b)
	case *program.Activity:
		w = t.activity(b)
	case *program.Birthday:
		w = t.birthday(b)
	case *program.Referral:
		w = t.referral(b)
	case *program.GiftCode:
		w = t.giftCode(b)
	case *program.Milestone:
		w = t.milestone(b)
	case *program.Multiplier:
		w = t.multiplier(b)
	default:
		w.what = "it pays as the kind " + string(r.Kind) + " does"
	}
	w.pieces = append(w.pieces, t.limits()...)
	w.pieces = append(w.pieces, t.conditions()...)
	w.pieces = append(w.pieces, t.common()...)
	return w
}

// teller tells one rule.
type teller struct {
	p    *program.Program
	rule *program.Rule
}

// unit is what a rule's amounts are called.
func (t teller) unit() unit {
	if t.rule.Reward != nil {
		return unitOf(t.rule.Reward)
	}
	var out unit
	if m, ok := t.rule.Body.(*program.Multiplier); ok {
		for _, id := range m.Of {
			r := t.p.RuleByID(strings.TrimSuffix(id, ".referee"))
			if r == nil || r.Reward == nil {
				continue
			}
			if out.name != "" && out.name != r.Reward.ID {
				return unit{name: "of each reward", places: max(out.places, r.Reward.Scale)}
			}
			out = unitOf(r.Reward)
		}
	}
	return out
}

// perTransaction is the words for the limit of one source.
func (t teller) perTransaction() string {
	switch t.rule.Body.(type) {
	case *program.Spend, *program.Visit, *program.Quantity, *program.Milestone:
		return "per transaction"
	}
	return "at a time"
}

func (t teller) limits() []piece {
	var out []piece
	for _, l := range t.rule.Limits.Periods {
		if l.Amount != nil {
			span := spanOf(l.Period)
			if l.Period == pipeline.PerTransaction {
				span = t.perTransaction()
			}
			out = append(out, piece{key: "amount." + string(l.Period), words: atMost + t.unit().amount(*l.Amount) + " " + span, place: inLimits})
		}
		if l.Times != nil {
			out = append(out, piece{key: "times." + string(l.Period), words: atMost + times(*l.Times) + " " + spanOf(l.Period), place: inLimits})
		}
	}
	if t.rule.Limits.PerSubject {
		out = append(out, piece{key: "per_subject", words: "each subject counted by itself", sentence: "Each subject is counted by itself."})
	}
	if t.rule.Limits.Highest {
		out = append(out, piece{key: "pick", words: "where a limit cuts, the highest amounts kept and not the first ones",
			sentence: "Where a limit cuts, the highest amounts are kept, not the first ones."})
	}
	return out
}

// common tells what every kind of rule can have besides limits and conditions.
func (t teller) common() []piece {
	r := t.rule
	var out []piece
	if words := spanWords(r.Active); words != "" {
		out = append(out, piece{key: "active", words: "active " + words, sentence: "It is active " + words + "."})
	}
	if r.BestOf != "" {
		out = append(out, t.bestOf())
	}
	if r.Budget != nil {
		out = append(out, piece{key: "budget", words: atMost + t.unit().amount(*r.Budget) + " to all members together, ever",
			sentence: "All members together earn at most " + t.unit().amount(*r.Budget) + " by it, ever."})
	}
	if r.Rounding != "" && (r.Reward == nil || r.Rounding != r.Reward.Rounding) {
		out = append(out, piece{key: "rounding", words: roundingWords(r.Rounding), sentence: "Its amounts are " + roundingWords(r.Rounding) + "."})
	}
	return out
}

// bestOf names the rules of which only one is paid: those that share the name and the reward, multipliers apart from
// others (F15).
func (t teller) bestOf() piece {
	var ids []string
	_, isMultiplier := t.rule.Body.(*program.Multiplier)
	for _, r := range t.p.Rules {
		_, other := r.Body.(*program.Multiplier)
		if r.BestOf == t.rule.BestOf && r.Reward == t.rule.Reward && other == isMultiplier {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 1 {
		return piece{key: "best_of", words: "best of " + t.rule.BestOf + ", which no other rule shares",
			sentence: "It is the best of " + t.rule.BestOf + ", which no other rule shares."}
	}
	return piece{key: "best_of", words: "of " + list(ids, "and") + " only the largest amount paid",
		sentence: "Where several of " + list(ids, "and") + " pay for the same thing, only the largest amount is paid."}
}
