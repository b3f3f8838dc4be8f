package tell

import (
	"fmt"
	"slices"
	"strings"

	"accrue/pipeline/program"
)

// framePiece is one thing that holds for all rules, under a topic: "points: at most 5,000 points a day".
type framePiece struct {
	topic    string
	isReward bool // the topic is a reward
	piece
}

// frameSentences tells what holds for all rules.
func frameSentences(p *program.Program) []string {
	out := []string{dayWords(p), currencyWords(p)}
	if len(p.Tiers) > 0 {
		out = append(out, tierSentences(p)...)
	}
	out = append(out, "What counts as spent is "+spentWords(p)+".", "Returns "+returnsWords(p)+".")
	for _, r := range p.Rewards {
		are, it := "is", "it is"
		if isPlural(r.ID) {
			are, it = "are", "they are"
		}
		out = append(out, sentence(fmt.Sprintf("%s %s %s, available %s and %s", r.ID, are, scaleWords(r), holdWords(r, it), expiryWords(r, it))))
	}
	for _, r := range p.Rewards {
		var limits []string
		for _, l := range p.Limits {
			if l.Reward == r {
				limits = append(limits, unitOf(r).amount(l.Amount)+" "+spanOf(l.Period))
			}
		}
		if len(limits) > 0 {
			out = append(out, "By all rules together a member earns at most "+list(limits, "and")+".")
		}
	}
	return out
}

// framePieces is the frame as pieces that can be held against those of another version. What is the same in all
// versions (F43) is not among them.
func framePieces(p *program.Program) []framePiece {
	var out []framePiece
	add := func(topic, key, words string) {
		out = append(out, framePiece{topic, strings.HasPrefix(topic, "Reward "), piece{key: key, words: words}})
	}
	if p.Name != "" {
		add("The name", "name", p.Name)
	}
	if len(p.Tiers) > 0 {
		add("The tiers, low to high", "tiers", tierNames(p))
		add("Members without one of these tiers", "default_tier", restingTier(p))
		add("Where tiers come from", "tier_from", tierSource(p))
	}
	add("What counts as spent", "exclude", spentWords(p))
	add("Returns", "returns", returnsWords(p))
	for i, r := range p.Rewards {
		if i == 0 {
			add("Rules that name no reward", "default_reward", "paid in "+r.ID)
		}
		topic := "Reward " + r.ID
		add(topic, r.ID+".scale", scaleWords(r))
		add(topic, r.ID+".hold", "available "+holdWords(r, "it is"))
		add(topic, r.ID+".expiry", expiryWords(r, "it is"))
	}
	for _, l := range p.Limits {
		add("All rules together", "limit."+l.Reward.ID+"."+string(l.Period), atMost+unitOf(l.Reward).amount(l.Amount)+" "+spanOf(l.Period))
	}
	return out
}

func dayWords(p *program.Program) string {
	out := "Business dates are those of " + p.TimeZone
	if p.Day == program.DayStore {
		out = "Business dates are those of the store's time zone, or of " + p.TimeZone + " where the store has none"
	}
	if p.DayStartsAt > 0 {
		out += "; a day starts at " + clock(p.DayStartsAt)
	}
	return out + "."
}

func currencyWords(p *program.Program) string {
	if p.Currency == "" {
		return "Only transactions without a currency count."
	}
	return "Amounts are in " + p.Currency + "; transactions in another currency do not count."
}

func tierSentences(p *program.Program) []string {
	rest := restingTier(p)
	out := []string{sentence("the tiers, low to high, are " + tierNames(p) + ", " + tierSource(p))}
	if p.TierFrom == program.TierFromSpend {
		return append(out, fmt.Sprintf("Days before are those before the purchase: none lifts its own rate. A member who has reached none of these tiers is %s.", rest))
	}
	return append(out, fmt.Sprintf("A member without one of these tiers is %s.", rest))
}

// restingTier is the tier of those who have none of their own.
func restingTier(p *program.Program) string {
	if p.TierFrom == program.TierFromSpend {
		return p.Tiers[p.RestingTier()].ID
	}
	return p.Tiers[p.DefaultTier].ID
}

// tierSource says what gives a member its tier.
func tierSource(p *program.Program) string {
	if p.TierFrom == program.TierFromSpend {
		return "by what the member has spent"
	}
	return "as the members export says"
}

// tierNames lists the tiers with what must be spent to reach them.
func tierNames(p *program.Program) string {
	names := make([]string, len(p.Tiers))
	for i, t := range p.Tiers {
		names[i] = t.ID
		if t.Over == nil {
			continue
		}
		within := "ever before"
		if t.WithinDays != nil {
			within = "in the " + count(*t.WithinDays, "day", "days") + " before"
		}
		names[i] += " (more than " + teller{p: p}.money(*t.Over) + " " + within + ")"
	}
	return list(names, "and")
}

func spentWords(p *program.Program) string {
	if len(p.Exclude) == 0 {
		return "all that was paid"
	}
	names := map[program.Part]string{"tip": "tips", "gift_card": "what gift cards paid", "store_credit": "what store credit paid"}
	var parts []string
	for _, part := range program.Parts {
		if !slices.Contains(p.Exclude, part) {
			continue
		}
		name := names[part]
		if name == "" {
			name = string(part)
		}
		parts = append(parts, name)
	}
	return "what was paid without " + list(parts, "and")
}

func returnsWords(p *program.Program) string {
	if p.Returns == program.ReturnsIgnore {
		return "change nothing"
	}
	return "take back what the returned part had earned"
}

func scaleWords(r *program.Reward) string {
	to := "to whole numbers"
	if r.Scale > 0 {
		to = "to " + count(r.Scale, "decimal place", "decimal places")
	}
	return roundingWords(r.Rounding) + " " + to
}

func holdWords(r *program.Reward, it string) string {
	if r.HoldDays == 0 {
		return "on the day " + it + " earned"
	}
	return count(r.HoldDays, "day", "days") + " after " + it + " earned"
}

// expiryWords tells the last day of validity (F52).
func expiryWords(r *program.Reward, it string) string {
	e := r.Expires
	months := 0
	if e.AfterMonths != nil {
		months = *e.AfterMonths
	}
	switch {
	case !e.Expires():
		return "valid for ever"
	case e.AfterDays != nil && *e.AfterDays == 0, e.EndOf == "" && e.AfterDays == nil && months == 0:
		return "valid on the day " + it + " earned only"
	case e.AfterDays != nil:
		return "valid until " + count(*e.AfterDays, "day", "days") + " after " + it + " earned"
	case e.EndOf == "":
		return "valid until " + count(months, "month", "months") + " after " + it + " earned"
	case months == 0:
		return "valid until the end of the " + e.EndOf + " in which " + it + " earned"
	}
	return "valid until the end of the " + e.EndOf + " that is reached " + count(months, "month", "months") + " after " + it + " earned"
}

// changedKind says that a rule is another thing now.
func changedKind(from, to program.Kind) string {
	return fmt.Sprintf("of the kind %s instead of %s", strings.ReplaceAll(string(to), "_", " "), strings.ReplaceAll(string(from), "_", " "))
}
