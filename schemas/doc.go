// Package schemas holds the contracts: every field of every export, grant file, manifest and warehouse table,
// once. The exports and the grants are Arrow schemas; table definitions, text parsing and the reference pages are
// derived from them, so that no field is described twice.
//
// Field metadata carries what Arrow's types cannot say: the kind of value (Kind), whether it is required, its
// default and a sentence for people.
package schemas
