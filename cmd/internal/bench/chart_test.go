//go:build bench

package bench

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
)

// bar is a row of a chart.
type bar struct {
	title   string
	seconds float64
	own     bool // accrue's
}

// Sizes of a chart, in its own units.
const (
	chartWidth, chartTitles, chartFigures = 720, 190, 90
	chartRow, chartTop                    = 26, 40
)

// barsSVG draws seconds as bars, for the README: readable on a light page and on a dark one.
func barsSVG(title string, bars []bar) string {
	longest := 0.0
	for _, b := range bars {
		longest = max(longest, b.seconds)
	}
	height := chartTop + chartRow*len(bars) + 8
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n",
		chartWidth, height, html.EscapeString(title))
	out.WriteString("<style>\n" +
		"text { font: 13px system-ui, sans-serif; fill: #1f2328 }\n.title { font-weight: 600 }\n.own { fill: #1a6b4f }\n.peer { fill: #9aa4af }\n" +
		"@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .own { fill: #4cc38a } .peer { fill: #6e7681 } }\n</style>\n")
	fmt.Fprintf(&out, `<text class="title" x="0" y="18">%s</text>`+"\n", html.EscapeString(title))
	for i, b := range bars {
		y, class := chartTop+chartRow*i, "peer"
		if b.own {
			class = "own"
		}
		width := max(1, b.seconds/longest*(chartWidth-chartTitles-chartFigures))
		fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", chartTitles-10, y+14, html.EscapeString(b.title))
		fmt.Fprintf(&out, `<rect class="%s" x="%d" y="%d" width="%.1f" height="18" rx="2"/>`+"\n", class, chartTitles, y, width)
		fmt.Fprintf(&out, `<text x="%.1f" y="%d">%.1f s</text>`+"\n", chartTitles+width+8, y+14, b.seconds)
	}
	out.WriteString("</svg>\n")
	return out.String()
}

// chartPeers draws the table of the peers beside the delivery.
func (c *contest) chartPeers(grants int64, rows []standing) {
	var bars []bar
	for _, r := range rows {
		if len(r.rounds) > 0 {
			bars = append(bars, bar{r.title, r.took.seconds, r.own})
		}
	}
	title := fmt.Sprintf("Two rules over %s transactions with two lines each, %s grants; %d cores", grouped(c.size), grouped(grants), threads())
	path := filepath.Join(c.dir, "peers.svg")
	if err := os.WriteFile(path, []byte(barsSVG(title, bars)), 0o644); err != nil {
		c.t.Fatal(err)
	}
	c.t.Logf("drawn: %s", path)
}
