package schemas

import "github.com/apache/arrow/go/v15/arrow"

// DecisionField is one column of what `accrue explain --out` writes.
type DecisionField struct {
	Name     string
	Kind     Kind
	Nullable bool
	Doc      string
}

// KindSum is a decimal of up to 38 digits with four places: a sum over many rows.
const KindSum Kind = "sum"

// decisionFields are the columns of a file of decisions, in order. A row is one rule's decision on one source, for one
// member and reward. Of the amounts, the first that is absent is behind the step at which the decision came to its
// end; a step that takes everything leaves 0.
var decisionFields = []DecisionField{
	{Name: "program", Kind: KindID, Doc: "the program that decides"},
	{Name: "program_version", Kind: KindInteger, Nullable: true, Doc: "the version in force; absent: none was"},
	{Name: "member_id", Kind: KindID, Doc: "whose source it is; empty: nobody's"},
	{Name: "tier", Kind: KindText, Doc: "the member's tier on the business date; none in a program without tiers"},
	{Name: "source_type", Kind: KindText, Doc: "transaction, activity or birthday"},
	{Name: "source_id", Kind: KindID, Doc: "the transaction, the activity, or `<member>:<year>`"},
	{Name: "earned_at", Kind: KindInstant, Doc: "instant of the source"},
	{Name: "earned_on", Kind: KindDate, Doc: "business date of the source"},
	{Name: "rule", Kind: KindID, Doc: "the rule that decides"},
	{Name: "rule_kind", Kind: KindText, Doc: "the rule's kind: spend, visit, …"},
	{Name: "reward", Kind: KindID, Nullable: true, Doc: "what it pays in; absent for a multiplier that had nothing to multiply"},
	{Name: "basis", Kind: KindSum, Nullable: true, Doc: "what it pays on: an amount of money or a number of units"},
	{Name: "exact", Kind: KindText, Nullable: true, Doc: "earned, before rounding: a decimal, or a fraction such as 1000/3"},
	{Name: "earned", Kind: KindPoints, Nullable: true, Doc: "step 2: rounded to the reward's scale"},
	{Name: "after_per_transaction", Kind: KindPoints, Nullable: true, Doc: "step 3: what per_transaction left"},
	{Name: "after_best_of", Kind: KindPoints, Nullable: true, Doc: "step 4: what best_of left"},
	{Name: "after_times", Kind: KindPoints, Nullable: true, Doc: "step 5: what the times limits left, those of gift codes among them"},
	{Name: "after_amounts", Kind: KindPoints, Nullable: true, Doc: "step 6: what the amount limits left"},
	{Name: "after_budget", Kind: KindPoints, Nullable: true, Doc: "step 7: what the budget left; multipliers work on this"},
	{Name: "amount", Kind: KindPoints, Doc: "step 9: what the program's limits left, which is owed; 0 where it does not pay"},
	{Name: "reason", Kind: KindText, Nullable: true, Doc: "the first reason why it does not pay; absent where it does"},
	{Name: "why", Kind: KindText, Nullable: true, Doc: "the reason in figures"},
	{Name: "arithmetic", Kind: KindText, Nullable: true, Doc: "the steps, as arithmetic that a person can redo"},
}

var decisionSchema = func() *arrow.Schema {
	fields := make([]arrow.Field, len(decisionFields))
	for i, f := range decisionFields {
		t := grantType(f.Kind)
		if f.Kind == KindSum {
			t = &arrow.Decimal128Type{Precision: 38, Scale: 4}
		}
		fields[i] = arrow.Field{Name: f.Name, Type: t, Nullable: f.Nullable,
			Metadata: arrow.MetadataFrom(map[string]string{metaKind: string(f.Kind), metaDoc: f.Doc})}
	}
	return arrow.NewSchema(fields, nil)
}()

// DecisionFields returns the columns of a file of decisions, in order.
func DecisionFields() []DecisionField { return append([]DecisionField(nil), decisionFields...) }

// DecisionArrow returns the Arrow schema of a file of decisions. Rows come by member (those of nobody first), then by
// time.
func DecisionArrow() *arrow.Schema { return decisionSchema }
