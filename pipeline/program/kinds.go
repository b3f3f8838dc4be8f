package program

import "strings"

// kindEntry is one kind of rule: the keys that it has beside those of every rule, and how they are read.
type kindEntry struct {
	kind Kind
	keys []string
	read func(r *ruleReader) Body
}

// kindTable lists the kinds in the order in which people are told of them.
func kindTable() []kindEntry {
	return []kindEntry{
		{KindSpend, []string{"earn", "per", "steps", "items", "min_spend", "basis"}, readSpend},
		{KindVisit, []string{"earn", "items", "min_spend", "min_gap"}, readVisit},
		{KindQuantity, []string{"earn", "per", "items", "min_spend"}, readQuantity},
		{KindActivity, []string{"on", "earn", "earn_by_subject"}, readActivity},
		{KindMultiplier, []string{"of", "factor"}, readMultiplier},
		{KindBirthday, []string{"earn", "feb_29"}, readBirthday},
		{KindMilestone, []string{"every", "at", "count", "sum", "period", "earn", "min_spend"}, readMilestone},
		{KindReferral, []string{"earn", "referee_earn", "qualify"}, readReferral},
		{KindGiftCode, []string{"codes", "codes_file"}, readGiftCode},
	}
}

// Kinds returns the kinds of rules.
func Kinds() []Kind {
	var out []Kind
	for _, k := range kindTable() {
		out = append(out, k.kind)
	}
	return out
}

func kindNames() []string {
	var out []string
	for _, k := range kindTable() {
		out = append(out, string(k.kind))
	}
	return out
}

func kindNamed(name string) (kindEntry, bool) {
	for _, k := range kindTable() {
		if string(k.kind) == name {
			return k, true
		}
	}
	return kindEntry{}, false
}

// kindsWith returns the kinds that have a key of their own of that name.
func kindsWith(key string) []Kind {
	var out []Kind
	for _, k := range kindTable() {
		for _, has := range k.keys {
			if has == key {
				out = append(out, k.kind)
			}
		}
	}
	return out
}

// joinKinds writes kinds as a list.
func joinKinds(kinds []Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}
