package reference

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"accrue/pipeline"
	"accrue/pipeline/program"
)

// source is a transaction, an activity or a birthday as the evaluation of one program sees it.
type source struct {
	kind     pipeline.SourceType
	id       string
	memberID string
	at       time.Time // shown in the zone that gives the business date
	on       pipeline.Date
	status   string

	version *program.Program // in force on the date; nil before the first version
	member  Member           // the row in force on the date
	tier    int
	storeID string
	region  string

	// progress is what a milestone has counted with this order, by rule id; nil where none counts it.
	progress  map[string]progress
	purchase  *purchase     // nil for what is no transaction
	activity  *Activity     // nil for what is no activity
	only      string        // the id of the one rule that a referral is a source of, beside multipliers
	qualified string        // which purchase qualified it, for people
	feb29     program.Feb29 // of a birthday, where only the rules that say so have it on this date
	first     bool          // the member's first order (F13)
	previous  *source       // what min_gap looks back at (F24), nil for none

	seen *PurchaseSeen // where somebody asked about a purchase
}

// sourceKey names a source for one member: what grants of several rules have in common that are for the same thing.
type sourceKey struct {
	kind     pipeline.SourceType
	id       string
	memberID string
}

func (s *source) key() sourceKey { return sourceKey{s.kind, s.id, s.memberID} }

// sourceTime is a source at one time. A birthday that was corrected to another date may have earned at both.
type sourceTime struct {
	sourceKey
	us int64
	on pipeline.Date
}

func (s *source) timeKey() sourceTime { return sourceTime{s.key(), s.at.UnixMicro(), s.on} }

// counts reports whether a transaction is completed and not fully returned.
func (s *source) counts() bool { return s.status == completed && !s.purchase.fullyReturned }

// order reports whether a transaction is an order: it counts and its spend basis is positive.
func (s *source) order() bool { return s.counts() && s.purchase.basis.IsPositive() }

// subject is the activity's subject; other sources have none.
func (s *source) subject() string {
	if s.activity == nil {
		return ""
	}
	return s.activity.Subject
}

// compareSources is the order of all ranks and running sums: occurred_at as an instant, then the id as bytes. Only
// sources of different types can be equal in both; then the type decides, as F33 says for program limits.
func compareSources(a, b *source) int {
	return cmp.Or(a.at.Compare(b.at), strings.Compare(a.id, b.id), cmp.Compare(a.kind, b.kind))
}

// gather makes the sources of a program from the facts: those of its currency, up to the horizon (F3, F45).
func (ev *evaluation) gather(facts Facts) {
	items, returns := map[string][]Item{}, map[string][]Return{}
	for _, i := range facts.Items {
		items[i.TransactionID] = append(items[i.TransactionID], i)
	}
	for _, r := range facts.Returns {
		returns[r.TransactionID] = append(returns[r.TransactionID], r)
	}
	currency := ev.family.Versions[0].Currency // the same in all versions (F43)
	for _, t := range facts.Transactions {
		s := &source{kind: pipeline.SourceTransaction, id: t.ID, memberID: t.MemberID, status: t.Status, storeID: t.StoreID}
		if t.Currency != "" && t.Currency != currency {
			ev.overlooks(s, t.OccurredAt, "its currency is "+t.Currency+", the program's "+currency)
			continue // does not exist for this program
		}
		if ev.add(s, t.OccurredAt) {
			s.purchase = net(t, items[t.ID], returns[t.ID], ev.atOrFirst(s))
		}
		ev.see(s, t.OccurredAt)
	}
	for i := range facts.Activities {
		a := &facts.Activities[i]
		s := &source{kind: pipeline.SourceActivity, id: a.ID, memberID: a.MemberID, status: a.Status, storeID: a.StoreID}
		s.activity = a
		ev.add(s, a.OccurredAt)
		ev.see(s, a.OccurredAt)
	}
	ev.addBirthdays(facts.FirstDelivery)
	slices.SortFunc(ev.sources, compareSources)
	ev.lookBack()
	ev.addReferrals()
	slices.SortStableFunc(ev.sources, compareSources)
}

// add dates a source and fills in what is known of its member and store on that date. It reports false, and adds
// nothing, where the date lies after the horizon.
func (ev *evaluation) add(s *source, occurred pipeline.Timestamp) bool {
	s.at, s.on = ev.clock.place(occurred, ev.clock.zoneOf(s.storeID))
	if s.on > ev.horizon {
		return false
	}
	ev.place(s)
	ev.sources = append(ev.sources, s)
	return true
}

// place fills in what is known on the source's date: the version in force, its member, its store.
func (ev *evaluation) place(s *source) {
	if i := ev.family.InForce(s.on); i >= 0 {
		s.version = ev.family.Versions[i]
	}
	s.member = ev.members.on(s.memberID, s.on)
	s.tier = ev.tierOf(ev.atOrFirst(s), s.member, s.memberID, s.on)
	s.region = ev.stores[s.storeID].Region
}

// atOrFirst returns the version in force on the source's date, before the first version the first one (F22).
func (ev *evaluation) atOrFirst(s *source) *program.Program {
	if s.version == nil {
		return ev.family.Versions[0]
	}
	return s.version
}

// lookBack finds each member's first order and each transaction's previous one. It asks for neither `when` nor
// anything else of a rule: of all time, all stores, also before the program's first version (F13, F24).
func (ev *evaluation) lookBack() {
	last, ordered := map[string]*source{}, map[string]bool{}
	for _, s := range ev.sources {
		if s.purchase == nil || s.memberID == "" || !s.counts() {
			continue
		}
		s.previous = last[s.memberID]
		last[s.memberID] = s
		if s.order() && !ordered[s.memberID] {
			ordered[s.memberID], s.first = true, true
		}
		s.seen.lookedBack(s)
	}
}
