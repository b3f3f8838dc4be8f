// Package program reads program files: what a loyalty program pays, in YAML.
//
// Parse turns the text of one file into a Program in which every value keeps its position, and reports all faults
// of the file at once, each with line, column and a hint. NewFamily puts the versions of one program side by side.
// A Program that was returned without faults can be evaluated; nothing behind this package checks again.
//
// A kind of rule is one file here (kind_<name>.go), one in plan, one in reference, and its cases in fixtures.
package program

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"accrue/pipeline"
	"accrue/pipeline/yamlpos"
)

// Pos is a place in a program file. Line and column count from 1.
type Pos = yamlpos.Pos

// Fault is one thing that makes a program file wrong.
type Fault = yamlpos.Fault

// Faults are all faults of a file, in the order of their places.
type Faults = yamlpos.Faults

// Program is one version of a program, checked and with all defaults filled in.
type Program struct {
	ID            string
	Version       int
	EffectiveFrom pipeline.Date
	Name          string
	Currency      string // "" only where the file names none: then only transactions without currency exist
	TimeZone      string
	Location      *time.Location
	DayStartsAt   time.Duration // 0 to less than 24 h
	Day           DayZone
	Tiers         []Tier // low to high; empty for a program without tiers
	TierFrom      TierSource
	DefaultTier   int    // index into Tiers; -1 without tiers
	Exclude       []Part // parts of the amount that are not spend
	Returns       ReturnsMode
	Rewards       []*Reward // the first is the default; never empty
	Limits        []RewardLimit
	Rules         []*Rule // in file order

	File   string // as given to Parse, for messages
	SHA256 string // of the file's bytes, hex
	Source string // the file's bytes
	Files  []File // other files that it names, in file order

	// Warnings name what is legal but dangerous.
	Warnings []Warning

	doc *yamlpos.Document // where things stand, for what NewFamily has to say
	all []*Rule           // Rules, with those of referees' grants
}

// File is a file that a program file names and that counts as a part of it.
type File struct {
	Name   string // as the program file names it
	SHA256 string // of its bytes, hex
}

func newFile(name string, text []byte) File {
	sum := sha256.Sum256(text)
	return File{Name: name, SHA256: hex.EncodeToString(sum[:])}
}

// Fingerprint stands for the program file and all files that it names: SHA256 where it names none, else the SHA-256 of
// the digests of all of them, hex.
func (p *Program) Fingerprint() string {
	named := make([]string, len(p.Files))
	for i, f := range p.Files {
		named[i] = f.SHA256
	}
	return Fingerprint(p.SHA256, named)
}

// Fingerprint is that of a program by the SHA-256 of its file and those of the files that it names, in order, all hex.
func Fingerprint(file string, named []string) string {
	if len(named) == 0 {
		return file
	}
	return newFile("", []byte(strings.Join(append([]string{file}, named...), "\n"))).SHA256
}

// DayZone says whose zone gives a row its business date.
type DayZone string

// Zones of a business date.
const (
	DayProgram DayZone = "program"
	DayStore   DayZone = "store" // the store's zone where it has one, else the program's
)

// Tier is one step of a program's ladder.
type Tier struct {
	Pos Pos
	ID  string
	// Over is the spend that must be exceeded with TierFromSpend; nil for a tier that everybody has reached.
	Over *decimal.Decimal
	// WithinDays is over how many days before a date it is added up; nil for all of them. Nil without Over.
	WithinDays *int
}

// Part is a part of a transaction's amount, named as its column.
type Part string

// Parts of the amount, in the order of the export's columns.
var Parts = []Part{"tax", "shipping", "tip", "gift_card", "store_credit"}

// ReturnsMode says what returns do.
type ReturnsMode string

// What returns do: recompute nets the facts, ignore leaves them as they were sold.
const (
	ReturnsRecompute ReturnsMode = "recompute"
	ReturnsIgnore    ReturnsMode = "ignore"
)

// Rounding says how an exact amount becomes a multiple of the reward's scale.
type Rounding string

// Roundings. All amounts that are rounded are zero or more.
const (
	Floor    Rounding = "floor"
	Ceil     Rounding = "ceil"
	HalfUp   Rounding = "half_up"
	HalfEven Rounding = "half_even"
)

// Reward is a currency that the program pays in: points, cashback.
type Reward struct {
	Pos      Pos
	ID       string
	Place    int // 0-based, in file order
	Scale    int // decimal places, 0 to 4
	Rounding Rounding
	HoldDays int
	Expires  Expiry
}

// Expiry says when a grant expires, counted from its earned date. The zero value never expires.
type Expiry struct {
	AfterDays   *int
	AfterMonths *int
	EndOf       string // "", "month" or "year": of the date that AfterMonths (default 0) gives
}

// Expires reports whether grants expire at all.
func (e Expiry) Expires() bool { return e.AfterDays != nil || e.AfterMonths != nil || e.EndOf != "" }

// On returns the last day of validity of a grant earned on d (F52). Ask only where Expires is true.
func (e Expiry) On(d pipeline.Date) pipeline.Date {
	if e.AfterDays != nil {
		return d + pipeline.Date(*e.AfterDays)
	}
	months := 0
	if e.AfterMonths != nil {
		months = *e.AfterMonths
	}
	switch e.EndOf {
	case "month":
		return d.AddMonths(months).EndOfMonth()
	case "year":
		return d.AddMonths(months).EndOfYear()
	}
	return d.AddMonths(months)
}

// RewardLimit bounds what all rules together grant a member in one reward over one period.
type RewardLimit struct {
	Pos    Pos
	Reward *Reward
	Period pipeline.Period
	Amount decimal.Decimal
}

// Kind names a kind of rule.
type Kind string

// Rule is one earning rule. Body holds what is special to its kind.
type Rule struct {
	Pos         Pos
	ID          string
	Place       int // 0-based, in file order
	Kind        Kind
	Description string
	Reward      *Reward // nil for a multiplier, which grants in the reward that it multiplies (F1)
	// Rounding is the rule's own or else its reward's; "" for a multiplier without its own.
	Rounding Rounding
	Active   Span
	When     When
	Limits   Limits
	BestOf   string           // "" for none
	Budget   *decimal.Decimal // nil for none
	Body     Body
}

// Body is the part of a rule that is special to its kind: one type per kind, such as *Spend.
type Body interface {
	// Kind returns the kind's name as written in the file.
	Kind() Kind
}

// Span is a range of business dates, both inclusive. Without bounds it holds MinDate and MaxDate.
type Span struct{ From, Until pipeline.Date }

// Contains reports whether d lies in the span.
func (s Span) Contains(d pipeline.Date) bool { return s.From <= d && d <= s.Until }

// When is the condition of a rule: it holds if every key holds. A nil slice or pointer is a key that is not
// there; lists are never empty (F51).
type When struct {
	Tiers            []int // indexes into the program's tiers
	Tags             []string
	Stores           []string
	Regions          []string
	Channels         []string
	Weekdays         []time.Weekday
	Hours            *Hours
	FirstPurchase    *bool
	JoinedWithinDays *int
	Subjects         []string
}

// Hours is a span of the local wall clock, from inclusive, until exclusive, in minutes after midnight. From may lie
// after Until (it crosses midnight), never equals it; Until may be 24 h.
type Hours struct{ From, Until time.Duration }

// Limits are the bounds of one rule, per member. Amounts keep their exact value; their places fit the reward's
// scale (F34).
type Limits struct {
	Periods    []Limit // in the order of pipeline.Periods, at most one each; only those that are given
	PerSubject bool
	Highest    bool // pick: highest
}

// Limit is what one period allows. PerTransaction has only an amount.
type Limit struct {
	Pos    Pos
	Period pipeline.Period
	Times  *int
	Amount *decimal.Decimal
}

// Earn is an amount, the same for all or by tier.
type Earn struct {
	Pos Pos
	// All is the amount for every member; nil when it goes by tier.
	All *decimal.Decimal
	// ByTier has one entry per tier of the program, nil for a tier that was left out and earns nothing. Nil when
	// All is set.
	ByTier []*decimal.Decimal
}

// For returns the amount for a tier index (-1 without tiers); zero where the tier earns nothing.
func (e Earn) For(tier int) decimal.Decimal {
	if e.All != nil {
		return *e.All
	}
	if tier < 0 || tier >= len(e.ByTier) || e.ByTier[tier] == nil {
		return decimal.Zero
	}
	return *e.ByTier[tier]
}

// ItemFilter says which lines qualify: those that match any include (or there is none) and no exclude.
type ItemFilter struct{ Include, Exclude ItemMatch }

// ItemMatch lists values of a line's columns; nil lists match nothing.
type ItemMatch struct{ ItemIDs, Categories, Brands []string }

// Empty reports whether the match lists nothing.
func (m ItemMatch) Empty() bool { return len(m.ItemIDs)+len(m.Categories)+len(m.Brands) == 0 }

// MinSpend is the least spend that a transaction must have.
type MinSpend struct {
	Pos     Pos
	Amount  decimal.Decimal
	AtLeast bool // false: more than Amount
	OfItems bool // held against the qualifying sum instead of the spend basis
}

// RuleByID returns the rule with the id, nil if there is none; `<id>.referee` is that of a referral's referees.
func (p *Program) RuleByID(id string) *Rule {
	for _, r := range p.AllRules() {
		if r.ID == id {
			return r
		}
	}
	return nil
}
