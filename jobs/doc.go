// Package jobs runs the night: it alone knows the order of the stages and where the files of a project lie.
//
// Start with Run: it takes the lock, brings an interrupted publication to its end, holds the warehouse against the
// published manifests, loads what has come, and then, program by program, evaluates, posts the difference and
// publishes it. Whatever point a run is killed at, the next one ends in the same state and the same files.
//
// Nothing below this package reads a clock; here it is read for the default of the date (F63), for the times in the
// run history and for the lock, and none of them reaches a grant.
package jobs
