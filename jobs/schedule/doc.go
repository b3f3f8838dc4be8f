// Package schedule runs the jobs of accrue.yaml while nobody watches.
//
// A job's cron expression only wakes it. What is due is read from the run history, per program and business date, by
// a Book: a waking that was missed, came twice or was moved by a change of the clock changes nothing. Dates are run
// in order, one at a time; a date whose delivery has not come waits, is late after a while, and is never passed over
// silently. Start with Scheduler.Loop; Scheduler.Once is one look, for those who have a scheduler of their own.
package schedule
