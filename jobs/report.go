package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"accrue/pipeline"
	"accrue/pipeline/reconcile"
	"accrue/pipeline/rollforward"
	"accrue/schemas"
)

// How much of what there is a report shows row by row.
const (
	reportRejects  = 100
	reportBreaks   = 200
	reportExplains = 25 // breaks that come with the explanation of their grant
	reportDays     = 62 // dates that are shown one by one; more are shown by month
)

// ReportOptions are the arguments of a report. The zero value is about everything.
type ReportOptions struct {
	From, To *pipeline.Date // nil for the first and the last date of posting
	Rates    []string       // <reward>=<decimal>, over those of accrue.yaml
	Progress func(what string)
}

// Report is what the page for people shows. Amounts are decimal texts.
type Report struct {
	From         string            `json:"from"`
	To           string            `json:"to"`
	Programs     []ReportProgram   `json:"programs"`
	Grants       int64             `json:"grants"`       // posted in the period
	Publications int64             `json:"publications"` // of the period
	Deliveries   int64             `json:"deliveries"`   // of the period
	Datasets     []DatasetSummary  `json:"datasets"`     // their rows
	Balances     *RollForward      `json:"balances"`
	ByTime       *RollForward      `json:"by_time"` // by date, or by month where there are many dates
	ByRule       *RollForward      `json:"by_rule"`
	ByTier       *RollForward      `json:"by_tier"`
	ByStore      *RollForward      `json:"by_store"`
	ByChannel    *RollForward      `json:"by_channel"`
	Members      []ReportMembers   `json:"members"`
	Funnel       []ReportFunnel    `json:"funnel"`
	Rejects      []ReportReject    `json:"rejects"`
	RejectRows   []ReportRejectRow `json:"reject_rows"`  // the first ones
	Reconciled   *ReconcileSummary `json:"reconciled"`   // the last reconciliation; nil before the first
	BreakCounts  []BreakCount      `json:"break_counts"` // of breaks of the period that are open
	OpenBreaks   int64             `json:"open_breaks"`
	Breaks       []ReportBreak     `json:"breaks"` // the first ones
}

// ReportProgram is a program that the report is about.
type ReportProgram struct {
	Program  string `json:"program"`
	Name     string `json:"name,omitempty"`
	Currency string `json:"currency,omitempty"`
}

// ReportMembers says how what was granted in the period spreads over members.
type ReportMembers struct {
	Program string      `json:"program"`
	Reward  string      `json:"reward"`
	Members int64       `json:"members"`
	Below   int64       `json:"zero_or_less"`
	Median  string      `json:"median"`
	P90     string      `json:"p90"`
	P99     string      `json:"p99"`
	Largest string      `json:"largest"`
	Bins    []ReportBin `json:"bins"`
}

// ReportBin counts members by what they were granted, net.
type ReportBin struct {
	From    string `json:"from"`
	Below   string `json:"below"`
	Members int64  `json:"members"`
}

// ReportFunnel leads from rows to grants, for one program.
type ReportFunnel struct {
	Program string       `json:"program"`
	Read    int64        `json:"rows_read"` // transactions and activities of the deliveries of the period
	Aside   int64        `json:"rows_duplicate_or_superseded"`
	Reject  int64        `json:"rows_rejected"`
	Sources int64        `json:"sources"` // that hold, with a business date in the period and a member
	Rules   []FunnelRule `json:"rules"`
	Skipped string       `json:"skipped,omitempty"` // why there are no decisions
}

// FunnelRule says what became of the sources that a rule looked at.
type FunnelRule struct {
	Rule    string         `json:"rule"`
	Looked  int64          `json:"looked_at"`
	Pays    int64          `json:"pays"`
	Reasons []FunnelReason `json:"reasons"`
	Taken   []FunnelTaken  `json:"taken"`
}

// FunnelReason counts sources that a condition or limit kept from earning.
type FunnelReason struct {
	Reason  string `json:"reason"`
	Sources int64  `json:"sources"`
}

// FunnelTaken is what a step of limits took away of what was earned, also where something was left.
type FunnelTaken struct {
	Step   string `json:"step"`
	Reward string `json:"reward"`
	Amount string `json:"amount"`
}

// ReportReject counts rejected rows.
type ReportReject struct {
	Dataset string `json:"dataset"`
	Reason  string `json:"reason"`
	Rows    int64  `json:"rows"`
}

// ReportRejectRow is one rejected row.
type ReportRejectRow struct {
	Dataset string `json:"dataset"`
	File    string `json:"file"`
	Row     int64  `json:"row"`
	Reason  string `json:"reason"`
	Detail  string `json:"detail"`
}

// ReportBreak is one open break, with the explanation of its grant where there is one and it is among the first.
type ReportBreak struct {
	Break
	Explanation *GrantExplanation `json:"-"`
}

// Report gathers what the page shows. It reads what is committed, and breaks as the last reconciliation found them.
func (r *Reader) Report(ctx context.Context, o ReportOptions) (*Report, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	families, err := r.Project.Programs()
	if err != nil {
		return nil, err
	}
	from, to, err := r.postedSpan(ctx, o.From, o.To)
	if err != nil {
		return nil, err
	}
	out := &Report{From: from.String(), To: to.String(), Programs: []ReportProgram{}}
	for _, fam := range families {
		last := fam.Versions[len(fam.Versions)-1]
		out.Programs = append(out.Programs, ReportProgram{Program: fam.ID, Name: last.Name, Currency: last.Currency})
	}
	req := rollforward.Request{From: from, To: to, Families: families}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"counting rows and grants", func() error { return r.reportCounts(ctx, out) }},
		{"rolling the ledger forward", func() error { return r.reportBalances(ctx, out, o, from, to) }},
		{"adding up by member", func() error { return r.reportMembers(ctx, out, req) }},
		{"working out why sources earn nothing", func() error { return r.reportFunnel(ctx, out, from, to) }},
		{"listing rejected rows", func() error { return r.reportRejects(ctx, out) }},
		{"listing breaks", func() error { return r.reportBreaks(ctx, out, from, to) }},
	} {
		o.Progress(step.what)
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return out, nil
}

// reportCounts counts what the period's deliveries brought and what was posted.
func (r *Reader) reportCounts(ctx context.Context, out *Report) error {
	period := []any{out.From, out.To}
	if err := r.db.QueryRow(ctx, `SELECT count(*), coalesce(CAST(sum(rows_count) AS BIGINT), 0) FROM publications
		WHERE posted_on BETWEEN CAST(? AS DATE) AND CAST(? AS DATE)`, period...).Scan(&out.Publications, &out.Grants); err != nil {
		return err
	}
	if err := r.db.QueryRow(ctx, "SELECT count(*) FROM deliveries WHERE delivery BETWEEN CAST(? AS DATE) AND CAST(? AS DATE)", period...).
		Scan(&out.Deliveries); err != nil {
		return err
	}
	read := map[string]DatasetSummary{}
	var d DatasetSummary
	if err := r.db.Each(ctx, `SELECT dataset, CAST(sum(rows_read) AS BIGINT), CAST(sum(rows_accepted) AS BIGINT), CAST(sum(rows_duplicate) AS BIGINT),
			CAST(sum(rows_superseded) AS BIGINT), CAST(sum(rows_rejected) AS BIGINT)
		FROM files WHERE delivery BETWEEN CAST(? AS DATE) AND CAST(? AS DATE) GROUP BY dataset`, period,
		[]any{&d.Dataset, &d.Read, &d.Accepted, &d.Duplicate, &d.Superseded, &d.Rejected}, func() error {
			read[d.Dataset] = d
			return nil
		}); err != nil {
		return err
	}
	out.Datasets = []DatasetSummary{}
	for _, set := range schemas.Datasets {
		if row, ok := read[set.Name]; ok {
			out.Datasets = append(out.Datasets, row)
		}
	}
	return nil
}

// reportBalances rolls the ledger forward in the ways that the page shows.
func (r *Reader) reportBalances(ctx context.Context, out *Report, o ReportOptions, from, to pipeline.Date) (err error) {
	roll := func(by ...string) *RollForward {
		if err != nil {
			return nil
		}
		var f *RollForward
		f, err = r.RollForward(ctx, RollOptions{From: &from, To: &to, By: by, Rates: o.Rates})
		return f
	}
	time := rollforward.ByDate
	var dates int64
	if err := r.db.QueryRow(ctx, "SELECT count(DISTINCT posted_on) FROM publications WHERE posted_on BETWEEN CAST(? AS DATE) AND CAST(? AS DATE)",
		out.From, out.To).Scan(&dates); err != nil {
		return err
	}
	if dates > reportDays {
		time = rollforward.ByMonth
	}
	out.Balances, out.ByTime, out.ByRule, out.ByTier = roll(), roll(time), roll(rollforward.ByRule), roll(rollforward.ByTier)
	out.ByStore, out.ByChannel = roll(rollforward.ByStore), roll(rollforward.ByChannel)
	return err
}

func (r *Reader) reportMembers(ctx context.Context, out *Report, req rollforward.Request) error {
	list, err := rollforward.Members(ctx, r.db, req)
	scales := r.Project.scales()
	out.Members = []ReportMembers{}
	for _, d := range list {
		text := func(sum pipeline.Sum) string { return scales.sum(d.Program, d.Reward, sum) }
		m := ReportMembers{Program: d.Program, Reward: d.Reward, Members: d.Members, Below: d.Below, Median: text(d.Median), P90: text(d.P90),
			P99: text(d.P99), Largest: text(d.Largest), Bins: []ReportBin{}}
		for _, b := range d.Bins {
			m.Bins = append(m.Bins, ReportBin{From: b.From.String(), Below: b.Below.String(), Members: b.Members})
		}
		out.Members = append(out.Members, m)
	}
	return err
}

func (r *Reader) reportRejects(ctx context.Context, out *Report) error {
	out.Rejects, out.RejectRows = []ReportReject{}, []ReportRejectRow{}
	const where = " WHERE r.delivery BETWEEN CAST(? AS DATE) AND CAST(? AS DATE)"
	var c ReportReject
	if err := r.db.Each(ctx, "SELECT dataset, reason, count(*) FROM rejects r"+where+" GROUP BY ALL ORDER BY 1, 3 DESC, 2", []any{out.From, out.To},
		[]any{&c.Dataset, &c.Reason, &c.Rows}, func() error {
			out.Rejects = append(out.Rejects, c)
			return nil
		}); err != nil {
		return err
	}
	var row ReportRejectRow
	return r.db.Each(ctx, `SELECT r.dataset, concat('date=', r.delivery, '/', f.name), r.row_no, r.reason, coalesce(r.detail, '')
		FROM rejects r JOIN files f USING (file_id)`+where+fmt.Sprintf(" ORDER BY r.delivery, f.name, r.row_no LIMIT %d", reportRejects),
		[]any{out.From, out.To}, []any{&row.Dataset, &row.File, &row.Row, &row.Reason, &row.Detail}, func() error {
			out.RejectRows = append(out.RejectRows, row)
			return nil
		})
}

// reportBreaks lists the open breaks of the period as the last reconciliation left them.
func (r *Reader) reportBreaks(ctx context.Context, out *Report, from, to pipeline.Date) error {
	out.Breaks, out.BreakCounts = []ReportBreak{}, []BreakCount{}
	var asOfText string
	var summary sql.NullString
	err := r.db.QueryRow(ctx, "SELECT CAST(as_of AS VARCHAR), summary FROM reconciliations ORDER BY number DESC LIMIT 1").Scan(&asOfText, &summary)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	asOf, err := pipeline.ParseDate(asOfText)
	if err != nil {
		return err
	}
	out.Reconciled = &ReconcileSummary{AsOf: asOfText}
	if summary.Valid {
		if err := json.Unmarshal([]byte(summary.String), out.Reconciled); err != nil {
			return err
		}
	}
	filter := reconcile.Filter{From: from, To: to}
	counts, err := reconcile.Counts(ctx, r.db, filter, asOf)
	if err != nil {
		return err
	}
	var sum ReconcileSummary
	for _, c := range counts {
		sum.addCount(c)
		out.OpenBreaks += c.Breaks
	}
	out.BreakCounts = append(out.BreakCounts, sum.Counts...)
	filter.Limit = reportBreaks
	if err := breaks(ctx, r.db, filter, asOf, func(b Break) error {
		out.Breaks = append(out.Breaks, ReportBreak{Break: b})
		return nil
	}); err != nil {
		return err
	}
	explained := 0
	for i := range out.Breaks {
		b := &out.Breaks[i]
		if b.Rule == "" || explained == reportExplains || b.Tie == string(reconcile.Ledger) {
			continue
		}
		var hint *hintError
		if b.Explanation, err = r.ExplainGrant(ctx, b.Key); errors.As(err, &hint) {
			b.Explanation = nil // the ledger has no such grant, which is what the break says
			continue
		} else if err != nil {
			return err
		}
		explained++
	}
	return nil
}
