package program

import (
	"fmt"

	"accrue/pipeline"
	"accrue/pipeline/yamlpos"
)

// KindGiftCode pays for redeeming a code.
const KindGiftCode Kind = "gift_code"

// GiftCodeType is the type of the activities that redeem codes; their subject is the code.
const GiftCodeType = "gift_code"

// GiftCode pays for activities of type gift_code whose subject is one of the codes (F30).
type GiftCode struct {
	Codes     []Code // those of `codes`, then those of the codes file; no code comes twice
	CodesFile string // as written; "" for none

	byCode map[string]int
}

// Code is one gift code.
type Code struct {
	Pos    Pos
	Code   string
	Earn   Earn
	Active Span // business dates on which it can be redeemed
	Times  *int // by all members together; nil without end
}

// Kind returns KindGiftCode.
func (*GiftCode) Kind() Kind { return KindGiftCode }

// Find returns the code that matches exactly, nil if there is none.
func (g *GiftCode) Find(code string) *Code {
	if i, ok := g.byCode[code]; ok {
		return &g.Codes[i]
	}
	return nil
}

const codesHint = "write codes: {WELCOME: {earn: 50}}, or codes_file: codes.csv"

func readGiftCode(r *ruleReader) Body {
	g := &GiftCode{byCode: map[string]int{}}
	r.codes(g, r.m.Get("codes"))
	if n := r.m.Get("codes_file"); n != nil {
		if name, ok := r.Text(n); ok {
			g.CodesFile = name
			r.codesFile(g, n, name)
		}
	}
	if !r.m.Has("codes") && !r.m.Has("codes_file") {
		r.Fault(r.rule.Pos, codesHint, "codes is missing")
	}
	return g
}

// codes reads the codes that stand in the program file.
func (r *ruleReader) codes(g *GiftCode, n *yamlpos.Node) {
	if r.Map(n, codesHint) == nil {
		return
	}
	for _, e := range n.Entries {
		c := Code{Pos: e.KeyPos, Code: e.Key, Active: Span{From: pipeline.MinDate, Until: pipeline.MaxDate}}
		if e.Key == "" || e.KeyKind == yamlpos.Null {
			r.Fault(e.KeyPos, "put the code in quotes if it is a word of YAML", "a code is empty")
			continue
		}
		m := r.Map(e.Value, "write {earn: 50}, and from, until and times as needed")
		if m == nil {
			continue
		}
		c.Earn = r.earn(m.Need("earn", "write how much it pays: earn: 50"))
		from, until := m.Get("from"), m.Get("until")
		c.Active = Span{From: r.date(from, pipeline.MinDate), Until: r.date(until, pipeline.MaxDate)}
		if c.Active.Until < c.Active.From {
			r.Fault(until.Pos, "both days count", "until (%s) is before from (%s)", c.Active.Until, c.Active.From)
		}
		if times, ok := r.Int(m.Get("times"), 1, maxTimes); ok {
			c.Times = ptr(int(times))
		}
		m.Close()
		g.byCode[c.Code] = len(g.Codes)
		g.Codes = append(g.Codes, c)
	}
}

// codesFile reads the codes of a file beside the program file.
func (r *ruleReader) codesFile(g *GiftCode, n *yamlpos.Node, name string) {
	if r.open == nil {
		r.Fault(n.Pos, "write the codes under codes", "codes_file is not read here")
		return
	}
	path, text, err := r.open(name)
	switch {
	case err != nil:
		r.Fault(n.Pos, "its path is relative to the program file", "codes_file cannot be read: %v", err)
		return
	case len(text) > maxCodesBytes:
		r.Fault(n.Pos, "is it the right file?", "codes_file has more than %d bytes", maxCodesBytes)
		return
	}
	r.p.Files = append(r.p.Files, newFile(name, text))
	f := &codesReader{r: r, g: g, doc: yamlpos.Lines(path, text)}
	f.read(text)
}

// add takes a code of the codes file, unless it is there already.
func (g *GiftCode) add(c Code) error {
	if i, ok := g.byCode[c.Code]; ok {
		return fmt.Errorf("the first one is at %s; keep one of them", g.Codes[i].Pos)
	}
	g.byCode[c.Code] = len(g.Codes)
	g.Codes = append(g.Codes, c)
	return nil
}
