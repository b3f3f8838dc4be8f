package ledger

import (
	"context"
	"fmt"
	"math"

	"accrue/pipeline/warehouse"
)

// ReadAsked returns what the rules of a program ask of their budgets at most, as the last run left it, by rule id in
// ten-thousandths.
func ReadAsked(ctx context.Context, db *warehouse.DB, program string) (map[string]int64, error) {
	return byRule(ctx, db, "SELECT rule, asked FROM budgets WHERE program = ?", program)
}

// WriteAsked replaces it.
func WriteAsked(ctx context.Context, db *warehouse.DB, program string, asked map[string]int64) error {
	if _, err := db.Exec(ctx, "DELETE FROM budgets WHERE program = ?", program); err != nil {
		return fmt.Errorf("noting what is asked of budgets: %w", err)
	}
	for rule, amount := range asked {
		if _, err := db.Exec(ctx, "INSERT INTO budgets VALUES (?, ?, ?)", program, rule, amount); err != nil {
			return fmt.Errorf("noting what is asked of budgets: %w", err)
		}
	}
	return nil
}

// Asked brings what is asked of budgets up to date after a scoped difference: what was known, without what the sources in
// scope were granted, with what they ask for now. Limits lower what is granted, so that this is never too little.
func Asked(ctx context.Context, db *warehouse.DB, known, now map[string]int64) (map[string]int64, error) {
	out := map[string]int64{}
	if len(now) == 0 {
		return out, nil
	}
	// One that is out of range makes the rest negative, or too much.
	granted, err := byRule(ctx, db, fmt.Sprintf("SELECT rule, CAST(greatest(-%d, least(%[1]d, sum(amount))) AS BIGINT) FROM difference_ledger GROUP BY rule",
		int64(math.MaxInt64)))
	if err != nil {
		return nil, err
	}
	for rule, amount := range now {
		before, ok := known[rule]
		rest := before - granted[rule]
		if !ok || rest < 0 || amount > math.MaxInt64-rest {
			out[rule] = math.MaxInt64
			continue
		}
		out[rule] = rest + amount
	}
	return out, nil
}

func byRule(ctx context.Context, db *warehouse.DB, query string, args ...any) (map[string]int64, error) {
	out := map[string]int64{}
	var rule string
	var amount int64
	err := db.Each(ctx, query, args, []any{&rule, &amount}, func() error {
		out[rule] = amount
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what is asked of budgets: %w", err)
	}
	return out, nil
}
