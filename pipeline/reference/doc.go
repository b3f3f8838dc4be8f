// Package reference is a second reading of the specification: it works out what every member is owed row by row, in
// exact decimals, the slow and plain way. The passes in SQL are held against it (promise P5), and explain prints its
// trace. It therefore knows nothing of plan, sqlgen and the warehouse, and shares no arithmetic with them.
//
// It works in two halves, as the night does:
//
//	Resolve   deliveries as text → Facts and rejects     (spec sections 3 and 4)
//	Evaluate  Facts and a program → entitlements, trace  (spec sections 5 and 6)
//
// One file per topic: accept.go (a row becomes typed or is rejected), resolve.go (which row of a key holds),
// clock.go (business dates), members.go, netting.go (returns), lines.go (items), when.go, one kind_<name>.go per
// kind of rule, and evaluate.go, which walks the steps of section 6 by their numbers. Comments name the ruling (F1 …)
// of the fine print that a line follows.
package reference
