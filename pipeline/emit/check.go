package emit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"strconv"
	"strings"

	"accrue/pipeline"
)

// checker takes the grants of a file in their order, holds each against what a grant must be, and adds them up.
type checker struct {
	program  string
	postedOn pipeline.Date
	scales   map[string]int // decimal places by reward
	totals   pipeline.Totals
	rows     *maphash.Hash // over the values of all rows; nil where nobody wants it

	buf        []byte
	last       pipeline.Total  // rows of one reward and kind come in stretches
	unit       pipeline.Amount // that amounts of the last reward are multiples of
	prevMember []byte          // copied: a reader may use its memory again
	prevUS     int64
	prevID     []byte
}

func newChecker(program string, postedOn pipeline.Date, scales map[string]int) *checker {
	return &checker{program: program, postedOn: postedOn, scales: scales}
}

// rowSeed makes digests of rows comparable within the process, and nowhere else.
var rowSeed = maphash.MakeSeed()

// withDigest has the checker also take a digest of all values of all rows, whatever form the rows came in. CSV files need
// none: their own digest says the same. It holds what was written against what is read back, in one process; against
// later changes there is the SHA-256 of the files.
func (c *checker) withDigest() *checker {
	c.rows = &maphash.Hash{}
	c.rows.SetSeed(rowSeed)
	return c
}

// errPlaces says that an amount has more decimal places than its reward is written with.
var errPlaces = errors.New("more decimal places than the reward is written with")

var units = [...]pipeline.Amount{pipeline.Unit, pipeline.Unit / 10, pipeline.Unit / 100, pipeline.Unit / 1000, 1}

// add takes the next grant.
func (c *checker) add(g *pipeline.Grant) error {
	if err := c.row(g); err != nil {
		return fmt.Errorf("grant %s: %w", g.GrantID, err)
	}
	if c.totals.Rows+c.last.Rows > 0 && !c.inOrder(g) {
		return fmt.Errorf("grant %s: stands after %s, and belongs before it or twice", g.GrantID, c.prevID)
	}
	c.prevMember, c.prevUS, c.prevID = append(c.prevMember[:0], g.MemberID...), g.EarnedUS, append(c.prevID[:0], g.GrantID...)
	if c.last.Reward != g.Reward || string(c.last.Kind) != g.Kind {
		c.flush()
		c.last = pipeline.Total{Reward: strings.Clone(g.Reward), Kind: pipeline.GrantKind(strings.Clone(g.Kind))}
		c.unit = units[c.scales[g.Reward]]
	}
	if g.Amount%c.unit != 0 {
		return fmt.Errorf("grant %s: amount %s: %w", g.GrantID, g.Amount, errPlaces)
	}
	c.last.Rows++
	c.last.Amount = c.last.Amount.Add(g.Amount)
	if c.rows != nil {
		if c.buf = appendValues(c.buf, g); len(c.buf) > chunkSize {
			_, _ = c.rows.Write(c.buf) // never fails
			c.buf = c.buf[:0]
		}
	}
	return nil
}

// inOrder reports whether the sort key (member_id, earned_at, grant_id) of g is greater than the one before.
func (c *checker) inOrder(g *pipeline.Grant) bool {
	switch {
	case string(c.prevMember) != g.MemberID:
		return string(c.prevMember) < g.MemberID
	case c.prevUS != g.EarnedUS:
		return c.prevUS < g.EarnedUS
	}
	return string(c.prevID) < g.GrantID
}

func (c *checker) flush() {
	if c.last.Rows > 0 {
		c.totals.Add(c.last.Reward, c.last.Kind, c.last.Rows, c.last.Amount)
		c.last.Rows, c.last.Amount = 0, pipeline.Sum{}
	}
}

// sums returns the control totals of what was added.
func (c *checker) sums() *pipeline.Totals {
	c.flush()
	return &c.totals
}

// digest returns the digest of the rows, "" where none was taken.
func (c *checker) digest() string {
	if c.rows == nil {
		return ""
	}
	_, _ = c.rows.Write(c.buf)
	c.buf = c.buf[:0]
	return strconv.FormatUint(c.rows.Sum64(), 16)
}

// appendValues appends all values of a grant, each told apart from the next: no text holds a NUL.
func appendValues(b []byte, g *pipeline.Grant) []byte {
	for _, s := range [...]string{g.GrantID, g.Program, g.MemberID, g.Rule, g.Reward, g.Kind, g.SourceType, g.SourceID, g.Reason} {
		b = append(append(b, s...), 0)
	}
	expires := int64(math.MinInt64)
	if g.Expires {
		expires = int64(g.ExpiresOn)
	}
	for _, n := range [...]int64{int64(g.ProgramVersion), int64(g.Amount), g.EarnedUS, int64(g.EarnedOn), int64(g.PostedOn),
		int64(g.AvailableOn), expires} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b
}

// row holds one grant against itself.
func (c *checker) row(g *pipeline.Grant) error {
	switch {
	case g.Program != c.program:
		return fmt.Errorf("of program %s in a file of program %s", g.Program, c.program)
	case g.PostedOn != c.postedOn:
		return fmt.Errorf("posted on %s in a file of %s", g.PostedOn, c.postedOn)
	case g.MemberID == "" || g.Rule == "" || g.Reward == "" || g.SourceID == "":
		return fmt.Errorf("a member, rule, reward or source is empty")
	case g.SourceType != string(pipeline.SourceTransaction) && g.SourceType != string(pipeline.SourceActivity) &&
		g.SourceType != string(pipeline.SourceBirthday):
		return fmt.Errorf("no source type is called %q", g.SourceType)
	}
	switch pipeline.GrantKind(g.Kind) {
	case pipeline.Accrual, pipeline.Adjustment:
		if g.Amount <= 0 {
			return fmt.Errorf("%s of %s", g.Kind, g.Amount)
		}
	case pipeline.Reversal:
		if g.Amount >= 0 {
			return fmt.Errorf("%s of %s", g.Kind, g.Amount)
		}
	default:
		return fmt.Errorf("no kind is called %q", g.Kind)
	}
	return c.id(g)
}

// id holds the grant id against the columns that it is made of.
func (c *checker) id(g *pipeline.Grant) error {
	at := strings.LastIndexByte(g.GrantID, '/')
	n, err := strconv.ParseInt(g.GrantID[at+1:], 10, 32)
	start := len(c.buf)
	c.buf = appendGrantID(c.buf, g, n)
	same := string(c.buf[start:]) == g.GrantID
	c.buf = c.buf[:start]
	if err != nil || n < 1 || !same {
		return fmt.Errorf("the id does not fit the columns that it is made of")
	}
	return nil
}
