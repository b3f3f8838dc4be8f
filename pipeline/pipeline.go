// Package pipeline holds the words that every stage of a night shares: business dates, amounts, periods,
// grants and control totals. It imports nothing of the module, reads no clock and no file.
//
// The stages live below it, one folder each, and hand on their results in this order:
//
//	load → evaluate → ledger → emit → (reconcile, explain)
//
// A stranger should start with Grant, which is what everything else exists to produce.
package pipeline
