package reference

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// Seen is a source as the program sees it, before any rule looks at it.
type Seen struct {
	SourceType pipeline.SourceType
	SourceID   string
	// Unknown says why the source does not exist for the program: its currency, or a date that no run has come to yet.
	// Empty where it does exist.
	Unknown string

	At             time.Time // the instant, shown in the zone that gives the business date
	Guessed        string    // how the clock was read where its wall clock comes twice or not at all that day; else empty
	Zone, ZoneOf   string    // "Asia/Kolkata" of "the program" or of "store MUM-01"
	DayStartsAt    time.Duration
	On             pipeline.Date
	ProgramVersion int // in force on the date; 0 before the first version
	Status         string
	Member         MemberState
	Purchase       *PurchaseSeen // nil for what is no purchase
}

// PurchaseSeen is a purchase after its returns were taken off.
type PurchaseSeen struct {
	Basis         decimal.Decimal // the spend basis
	BasisText     string          // how it comes about: "2000 − 500 returned"
	FullyReturned bool
	Order         bool // completed, not fully returned, spend basis above zero
	FirstOrder    bool
	Previous      string // the member's previous purchase, which min_gap looks back at; empty for none
	Lines         []LineSeen
}

// LineSeen is one line of a purchase, and what its returns left of it.
type LineSeen struct {
	LineNo, ItemID, Category, Brand string
	Quantity, Units                 decimal.Decimal // as sold, and what is left
	Amount, Left                    decimal.Decimal // as sold, and what is left
}

// MemberState is what is known of a member on a business date.
type MemberState struct {
	ID       string
	Named    bool          // some members file names the member
	Delivery pipeline.Date // whose row holds; set where Named
	Early    bool          // the row is of a later delivery: the first one holds before it too
	Tier     string        // "none" in a program without tiers
	TierWhy  string        // where the tier comes from
	Closed   bool
	Tags     []string
	JoinedOn *pipeline.Date // nil where it is not known
}

// StateOn returns what the program knows of a member on a date.
func StateOn(f *program.Family, facts Facts, id string, d pipeline.Date) MemberState {
	ev := newEvaluation(f, facts, Options{Horizon: d})
	ev.gather(facts) // a tier may come from what was spent
	s := &source{memberID: id, on: d}
	ev.place(s)
	return ev.state(s)
}

// state describes the member of a source on its date.
func (ev *evaluation) state(s *source) MemberState {
	p := ev.atOrFirst(s)
	out := MemberState{
		ID: s.memberID, Named: len(ev.members[s.memberID]) > 0, Delivery: s.member.Delivery, Tier: tierName(p, s.tier),
		Closed: s.member.Closed, Tags: s.member.Tags,
	}
	out.Early = out.Named && s.member.Delivery > s.on
	out.TierWhy = ev.tierText(p, s, out.Named)
	if joined, ok := ev.clock.joinedOn(s.member); ok {
		out.JoinedOn = &joined
	}
	return out
}

// tierText says where the tier of a source's member comes from.
func (ev *evaluation) tierText(p *program.Program, s *source, named bool) string {
	switch {
	case len(p.Tiers) == 0:
		return "the program has no tiers"
	case p.TierFrom == program.TierFromSpend:
		return ev.spendTierText(p, s)
	case !named:
		return "the default tier: no members file names the member"
	case s.member.Tier == "":
		return fmt.Sprintf("the default tier: the members file of %s names none", s.member.Delivery)
	case tierName(p, s.tier) != s.member.Tier:
		return fmt.Sprintf("the default tier: the members file of %s says %s, which the program has not",
			s.member.Delivery, s.member.Tier)
	}
	return fmt.Sprintf("from the members file of %s", s.member.Delivery)
}

// wants reports whether somebody asked about the source.
func (ev *evaluation) wants(s *source) bool {
	if ev.trace == nil || ev.traceDates != nil && !ev.traceDates.Contains(s.on) {
		return false
	}
	return ev.trace(s.kind, s.id, s.memberID)
}

// overlooks notes a source that does not exist for the program, where somebody asked.
func (ev *evaluation) overlooks(s *source, occurred pipeline.Timestamp, why string) {
	s.at, s.on = ev.clock.place(occurred, ev.clock.zoneOf(s.storeID))
	if !ev.wants(s) {
		return
	}
	ev.place(s)
	ev.note(s, occurred, why)
}

// see notes how the program sees a source that was dated, where somebody asked.
func (ev *evaluation) see(s *source, occurred pipeline.Timestamp) {
	if !ev.wants(s) {
		return
	}
	why := ""
	if s.on > ev.horizon {
		ev.place(s)
		why = fmt.Sprintf("it waits for the run of its own date: the last one was for %s", ev.horizon)
	}
	ev.note(s, occurred, why)
}

func (ev *evaluation) note(s *source, occurred pipeline.Timestamp, unknown string) {
	zone := ev.clock.zoneOf(s.storeID)
	seen := Seen{
		SourceType: s.kind, SourceID: s.id, Unknown: unknown, At: s.at, Guessed: guessed(occurred, s.at), Zone: zone.String(),
		ZoneOf: "the program", DayStartsAt: ev.clock.dayStartsAt, On: s.on, Status: s.status, Member: ev.state(s),
	}
	if ev.clock.stores[s.storeID].TimeZone != nil {
		seen.ZoneOf = "store " + s.storeID
	}
	if s.version != nil {
		seen.ProgramVersion = s.version.Version
	}
	ev.seen = append(ev.seen, seen)
	if s.purchase != nil {
		ev.seen[len(ev.seen)-1].Purchase = s.purchase.seen()
		s.seen = ev.seen[len(ev.seen)-1].Purchase
	}
}

func (p *purchase) seen() *PurchaseSeen {
	out := &PurchaseSeen{Basis: p.basis, BasisText: p.basisText, FullyReturned: p.fullyReturned}
	for _, l := range p.lines {
		out.Lines = append(out.Lines, LineSeen{
			LineNo: l.LineNo, ItemID: l.ItemID, Category: l.Category, Brand: l.Brand,
			Quantity: l.Quantity, Units: l.units, Amount: l.Amount, Left: l.left,
		})
	}
	return out
}

// lookedBack fills in what a purchase is among those of its member. A nil one is nobody's business.
func (p *PurchaseSeen) lookedBack(s *source) {
	if p == nil {
		return
	}
	p.Order, p.FirstOrder = s.order(), s.first
	if s.previous != nil {
		p.Previous = s.previous.id
	}
}

// guessed says how a wall clock without offset was read that the zone's clocks showed twice or never.
func guessed(ts pipeline.Timestamp, at time.Time) string {
	if ts.HasOffset {
		return ""
	}
	wall := time.UnixMicro(ts.Wall).UTC().Format("2006-01-02T15:04:05")
	if at.Format("2006-01-02T15:04:05") != wall {
		return "the clocks skipped " + wall[11:16] + " that day: it moves forward by the gap"
	}
	if end, ok := pipeline.NextChange(at); ok {
		_, offset := at.Zone()
		_, next := end.Zone()
		if again := at.Add(time.Duration(offset-next) * time.Second); offset > next && !again.Before(end) {
			return "the clocks showed " + wall[11:16] + " twice that day: the earlier one is meant"
		}
	}
	return ""
}
