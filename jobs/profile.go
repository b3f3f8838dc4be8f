package jobs

import (
	"syscall"
	"time"

	"accrue/pipeline/evaluate"
)

// Profile is where the time of a run went, in order. Its zero value is ready for RunOptions.Profile.
type Profile struct {
	Stages []ProfileStage `json:"stages"`

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
	p.end()
	p.Stages = append(p.Stages, s)
}

// end closes the open stage.
func (p *Profile) end() {
	now, cpu := time.Now(), processTime()
	if n := len(p.Stages); n > 0 {
		p.Stages[n-1].Seconds = now.Sub(p.begun).Seconds()
		p.Stages[n-1].CPU = (cpu - p.cpu).Seconds()
	}
	p.begun, p.cpu = now, cpu
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
