package rollforward

import (
	"context"
	"fmt"
	"strings"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
)

// Distribution says how what was granted in a period spreads over members, net per member.
type Distribution struct {
	Program, Reward           string
	Members                   int64 // with at least one grant in the period
	Below                     int64 // of those, with a net of zero or less
	Median, P90, P99, Largest pipeline.Sum
	Bins                      []Bin
}

// Bin counts members whose net is at least From and below Below, which is ten times that.
type Bin struct {
	From, Below pipeline.Sum
	Members     int64
}

// Members works out the distribution of every program and reward. Quantiles are members' own figures, never something
// between two.
func Members(ctx context.Context, db *warehouse.DB, req Request) ([]Distribution, error) {
	net := fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE roll_net AS
		SELECT program, reward, member_id, sum(amount) AS net FROM ledger l
		WHERE posted_on BETWEEN %s AND %s%s GROUP BY ALL`, dateSQL(req.From), dateSQL(req.To), req.ofProgram())
	if _, err := db.Exec(ctx, net); err != nil {
		return nil, fmt.Errorf("adding up by member: %w", err)
	}
	var out []Distribution
	var d Distribution
	var texts [4]string
	if err := db.Each(ctx, `SELECT program, reward, count(*), count(*) FILTER (WHERE net <= 0), CAST(quantile_disc(net, 0.5) AS VARCHAR),
			CAST(quantile_disc(net, 0.9) AS VARCHAR), CAST(quantile_disc(net, 0.99) AS VARCHAR), CAST(max(net) AS VARCHAR)
			FROM roll_net GROUP BY ALL ORDER BY 1, 2`, nil,
		[]any{&d.Program, &d.Reward, &d.Members, &d.Below, &texts[0], &texts[1], &texts[2], &texts[3]}, func() (err error) {
			for i, sum := range []*pipeline.Sum{&d.Median, &d.P90, &d.P99, &d.Largest} {
				if *sum, err = pipeline.ParseSum(texts[i]); err != nil {
					return err
				}
			}
			out = append(out, d)
			return nil
		}); err != nil {
		return nil, fmt.Errorf("adding up by member: %w", err)
	}
	var program, reward string
	var digits int
	var n int64
	err := db.Each(ctx, `SELECT program, reward, length(CAST(net AS VARCHAR)) AS digits, count(*) FROM roll_net WHERE net > 0
		GROUP BY ALL ORDER BY 1, 2, 3`, nil, []any{&program, &reward, &digits, &n}, func() error {
		from, err := pipeline.ParseSum("1" + strings.Repeat("0", digits-1))
		if err != nil {
			return err
		}
		below, err := pipeline.ParseSum("1" + strings.Repeat("0", digits))
		if err != nil {
			return err
		}
		for i := range out {
			if out[i].Program == program && out[i].Reward == reward {
				out[i].Bins = append(out[i].Bins, Bin{From: from, Below: below, Members: n})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("adding up by member: %w", err)
	}
	return out, nil
}
