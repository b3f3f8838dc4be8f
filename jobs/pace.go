package jobs

import (
	"fmt"
	"time"
)

// pace says of something that is counted in rows how far it is, how fast it goes and how long the rest takes.
type pace struct {
	clock Clock
	what  string
	total int64
	begun time.Time
	first int64 // rows that were done when it began
}

// steady is how long something must have gone on before it is told how long the rest takes.
const steady = 2 * time.Second

// line tells it as one line. Another total, or fewer rows than before, is something else, which begins now.
func (p *pace) line(what string, done, total int64) string {
	now := p.clock.Now()
	if p.begun.IsZero() || total != p.total || what != p.what && done == 0 || done < p.first {
		p.begun, p.first = now, done
	}
	p.what, p.total = what, total
	out := fmt.Sprintf("%s: %d of %d rows", what, done, total)
	spent := now.Sub(p.begun)
	if spent < steady || done <= p.first {
		return out
	}
	perSecond := float64(done-p.first) / spent.Seconds()
	left := time.Duration(float64(total-done) / perSecond * float64(time.Second))
	return fmt.Sprintf("%s, %.0f a second, %s left", out, perSecond, left.Round(time.Second))
}
