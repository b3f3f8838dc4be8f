package jobs

import (
	"syscall"
	"time"

	"accrue/pipeline/evaluate"
)

// Profile is where the time of a run went, in order. Its zero value is ready for RunOptions.Profile.
type Profile struct {
	Stages []ProfileStage `json:"stages"`

	clock Clock
	log   *stageLog // nil where nobody wants one
	open  bool      // the last stage is under way
	begun time.Time
	cpu   time.Duration
}

// ProfileStage is a step of a run (see Steps), or one statement of its evaluation. A step that is passed several
// times, once per delivery or program, has one entry each time.
type ProfileStage struct {
	Step      string  `json:"step"`
	Statement string  `json:"statement,omitempty"` // of an evaluation
	Rule      string  `json:"rule,omitempty"`      // of the statement
	Seconds   float64 `json:"seconds"`
	CPU       float64 `json:"cpu_seconds"` // user and system, all threads of the process
}

// next closes the open stage and opens another.
func (p *Profile) next(s ProfileStage) {
	p.close()
	p.Stages = append(p.Stages, s)
	p.open = true
	p.log.begin(s.Step)
}

// close closes the open stage.
func (p *Profile) close() {
	now, cpu := p.clock.Now(), processTime()
	if p.open {
		s := &p.Stages[len(p.Stages)-1]
		s.Seconds, s.CPU = now.Sub(p.begun).Seconds(), (cpu - p.cpu).Seconds()
		p.log.spent(s.Seconds, now)
	}
	p.open, p.begun, p.cpu = false, now, cpu
}

// end closes the last stage of a run, or of one of its programs.
func (p *Profile) end(failed bool) {
	if p != nil {
		p.close()
		p.log.end(failed)
	}
}

// count counts rows of the open stage.
func (p *Profile) count(rows int64) {
	if p != nil {
		p.log.count(rows)
	}
}

// measure has the run's hooks feed its profile and its log, where somebody wants one of them.
func (n *night) measure() {
	if n.opts.Stage != nil && n.opts.Profile == nil {
		n.opts.Profile = &Profile{}
	}
	if p := n.opts.Profile; p != nil {
		p.clock = n.opts.Clock
		if n.opts.Stage != nil {
			p.log = &stageLog{night: n}
		}
		p.attach(&n.opts)
	}
}

// attach has the run's hooks feed the profile beside whoever listens already.
func (p *Profile) attach(o *RunOptions) {
	step, trace := o.Step, o.Trace
	o.Step = func(name string) {
		p.next(ProfileStage{Step: name})
		if step != nil {
			step(name)
		}
	}
	o.Trace = func(s evaluate.Statement) {
		p.next(ProfileStage{Step: stepEvaluate, Statement: s.Name, Rule: s.Rule})
		if trace != nil {
			trace(s)
		}
	}
}

// processTime is the processor time that the process has used.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
