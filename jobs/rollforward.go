package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/evaluate"
	"accrue/pipeline/program"
	"accrue/pipeline/rollforward"
)

// RollDimensions are what a roll-forward can be parted by, beside program and reward.
var RollDimensions = rollforward.Dimensions

// RollOptions are the arguments of a roll-forward. The zero value is that of everything, by program and reward.
type RollOptions struct {
	Program  string
	From, To *pipeline.Date // dates of posting; nil for the first and the last there is
	By       []string       // of RollDimensions
	Rates    []string       // <reward>=<decimal>, over those of accrue.yaml
}

// RollForward is the ledger added up. Amounts are decimal texts.
type RollForward struct {
	From     string       `json:"from"`
	To       string       `json:"to"`
	By       []string     `json:"by"`
	Rows     []RollRow    `json:"rows"`
	Expiring []RollExpiry `json:"expiring"`
	Liable   []RollLiable `json:"liability"` // of rewards with a rate
}

// RollRow is one line: closing = opening + accruals + adjustments + reversals, the last below zero. By date or month
// what is held, available and expired is not worked out.
type RollRow struct {
	Program     string            `json:"program"`
	Reward      string            `json:"reward"`
	By          map[string]string `json:"by,omitempty"`
	Grants      int64             `json:"grants"`
	Opening     string            `json:"opening"`
	Accruals    string            `json:"accruals"`
	Adjustments string            `json:"adjustments"`
	Reversals   string            `json:"reversals"`
	Closing     string            `json:"closing"`
	Pending     string            `json:"pending,omitempty"`
	Available   string            `json:"available,omitempty"`
	Expired     string            `json:"expired,omitempty"`
}

// RollExpiry is what of the closing balance expires in one month, or never.
type RollExpiry struct {
	Program string `json:"program"`
	Reward  string `json:"reward"`
	Month   string `json:"month"` // YYYY-MM or never
	Amount  string `json:"amount"`
}

// RollLiable is what the closing balance of a reward, less what has expired, is worth at a rate.
type RollLiable struct {
	Program  string `json:"program"`
	Reward   string `json:"reward"`
	Balance  string `json:"balance"`
	Rate     string `json:"rate"`
	Worth    string `json:"worth"`
	Currency string `json:"currency,omitempty"`
}

var rateForm = regexp.MustCompile(`^([^=\s]+)=([0-9]{1,12}(?:\.[0-9]{1,6})?)$`)

// rates reads what one of each reward is worth.
func (o RollOptions) rates(base map[string]decimal.Decimal, known []string) (map[string]decimal.Decimal, error) {
	out := map[string]decimal.Decimal{}
	for id, r := range base {
		out[id] = r
	}
	for _, text := range o.Rates {
		parts := rateForm.FindStringSubmatch(text)
		if parts == nil {
			return nil, &hintError{error: fmt.Errorf("%q is not a rate", text), class: Refused, hint: "write <reward>=<what one is worth>: points=0.25"}
		}
		if !slices.Contains(known, parts[1]) {
			return nil, &hintError{error: fmt.Errorf("no program has a reward %s", parts[1]), class: Refused, hint: "known here: " + strings.Join(known, ", ")}
		}
		out[parts[1]] = decimal.RequireFromString(parts[2])
	}
	return out, nil
}

// RollForward adds the ledger up.
func (r *Reader) RollForward(ctx context.Context, o RollOptions) (*RollForward, error) {
	families, err := r.Project.Programs()
	if err != nil {
		return nil, err
	}
	if err := knownProgram(families, o.Program); err != nil {
		return nil, err
	}
	for i, d := range o.By {
		if !slices.Contains(RollDimensions, d) || slices.Contains(o.By[:i], d) {
			return nil, &hintError{error: fmt.Errorf("a roll-forward cannot be parted by %s", d), class: Refused,
				hint: "each once: " + strings.Join(RollDimensions, ", ")}
		}
	}
	if slices.Contains(o.By, rollforward.ByDate) && slices.Contains(o.By, rollforward.ByMonth) {
		return nil, &hintError{error: fmt.Errorf("a roll-forward goes by date or by month"), class: Refused, hint: "leave one of them out"}
	}
	var rewards []string
	currency := map[string]string{}
	for _, fam := range families {
		currency[fam.ID] = fam.Versions[0].Currency
		for _, v := range fam.Versions {
			for _, w := range v.Rewards {
				if !slices.Contains(rewards, w.ID) {
					rewards = append(rewards, w.ID)
				}
			}
		}
	}
	rates, err := o.rates(r.Project.Config.Rates, rewards)
	if err != nil {
		return nil, err
	}
	req := rollforward.Request{Program: o.Program, By: o.By, Families: families, Evaluate: func(fam *program.Family) error {
		return r.eachProgram(ctx, fam.ID, func(fam *program.Family, horizon *pipeline.Date) error {
			if horizon == nil {
				horizon = new(pipeline.Date) // it has posted nothing either
			}
			_, err := evaluate.Run(ctx, r.db, fam, *horizon, evaluate.Options{})
			return err
		})
	}}
	if req.From, req.To, err = r.postedSpan(ctx, o.From, o.To); err != nil {
		return nil, err
	}
	out := &RollForward{From: req.From.String(), To: req.To.String(), By: append([]string{}, o.By...), Rows: []RollRow{},
		Expiring: []RollExpiry{}, Liable: []RollLiable{}}
	return out, r.roll(ctx, req, out, rates, currency)
}

// postedSpan fills in the first and the last date of posting.
func (r *Reader) postedSpan(ctx context.Context, from, to *pipeline.Date) (first, last pipeline.Date, err error) {
	var lowest, highest sql.NullString
	if err := r.db.QueryRow(ctx, "SELECT CAST(min(posted_on) AS VARCHAR), CAST(max(posted_on) AS VARCHAR) FROM publications").
		Scan(&lowest, &highest); err != nil {
		return 0, 0, err
	}
	if !lowest.Valid {
		return 0, 0, errNoWarehouse
	}
	if first, err = pipeline.ParseDate(lowest.String); err != nil {
		return 0, 0, err
	}
	if last, err = pipeline.ParseDate(highest.String); err != nil {
		return 0, 0, err
	}
	if from != nil {
		first = *from
	}
	if to != nil {
		last = *to
	}
	return first, max(first, last), nil
}

func (r *Reader) roll(ctx context.Context, req rollforward.Request, out *RollForward, rates map[string]decimal.Decimal, currency map[string]string) error {
	rows, err := rollforward.Rows(ctx, r.db, req)
	if err != nil {
		return err
	}
	scales := r.Project.scales()
	dated := slices.Contains(req.By, rollforward.ByDate) || slices.Contains(req.By, rollforward.ByMonth)
	for _, row := range rows {
		text := func(s pipeline.Sum) string { return scales.sum(row.Program, row.Reward, s) }
		next := RollRow{
			Program: row.Program, Reward: row.Reward, Grants: row.Grants, Opening: text(row.Opening), Accruals: text(row.Accruals),
			Adjustments: text(row.Adjustments), Reversals: text(row.Reversals), Closing: text(row.Closing),
		}
		if !dated {
			next.Pending, next.Available, next.Expired = text(row.Pending), text(row.Available), text(row.Expired)
		}
		for i, d := range req.By {
			if next.By == nil {
				next.By = map[string]string{}
			}
			next.By[d] = row.By[i]
		}
		out.Rows = append(out.Rows, next)
	}
	expiring, err := rollforward.Expiring(ctx, r.db, req)
	if err != nil {
		return err
	}
	for _, e := range expiring {
		month := e.Month
		if month == "" {
			month = "never"
		}
		out.Expiring = append(out.Expiring, RollExpiry{Program: e.Program, Reward: e.Reward, Month: month, Amount: scales.sum(e.Program, e.Reward, e.Amount)})
	}
	req.By = nil
	if rows, err = rollforward.Rows(ctx, r.db, req); err != nil {
		return err
	}
	for _, row := range rows {
		rate, ok := rates[row.Reward]
		if !ok {
			continue
		}
		balance := row.Closing.Minus(row.Expired)
		worth, err := decimal.NewFromString(balance.String())
		if err != nil {
			return err
		}
		out.Liable = append(out.Liable, RollLiable{Program: row.Program, Reward: row.Reward, Balance: scales.sum(row.Program, row.Reward, balance),
			Rate: rate.String(), Worth: worth.Mul(rate).String(), Currency: currency[row.Program]})
	}
	return nil
}
