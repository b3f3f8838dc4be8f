// Package emit publishes grants: the last stage of a night.
//
// Stage writes the grant files and their manifest into a hidden folder beside their place, flushes them to disk,
// reads them back and holds what it reads against the ledger. Staged.Record notes the publication in the warehouse,
// inside the transaction that posts the ledger rows: its commit is the decision. Staged.Publish renames the folder
// into place and marks the publication. Recover finishes what a killed run left between the two, and
// VerifyPublished holds everything that was ever published against the ledger.
package emit

import (
	"context"

	"accrue/pipeline"
	"accrue/pipeline/warehouse"
	"accrue/schemas"
)

// Format is a form of grant files.
type Format string

// The formats of grant files, which are also their file name extensions.
const (
	CSV     Format = "csv"
	Parquet Format = "parquet"
	NDJSON  Format = "ndjson"
	Arrow   Format = "arrow"
)

// Formats lists all formats.
var Formats = []Format{CSV, Parquet, NDJSON, Arrow}

// Options are what all functions of the package share. The zero value is ready for use.
type Options struct {
	FS FS // nil for the real file system
	// Step is told the name of each step before it is taken (see Steps); nil for nobody.
	Step func(name string)
	// Progress is told how many of how many rows are done, written and read back both counted; nil for nobody.
	Progress func(done, total int64)
}

// Steps are the names that Options.Step is told, in order.
var Steps = []string{"emit.write", "emit.sync", "emit.readback", "publish.rename", "publish.sync", "publish.mark"}

// Request says what to publish: the rows of `difference` with the posting date, which may be none.
type Request struct {
	Options
	GrantsDir      string
	Program        string
	PostedOn       pipeline.Date
	Seq            int
	Run            string
	Formats        []Format // none: CSV
	MaxRowsPerFile int64    // 0: one file, however many rows
	Versions       []schemas.ManifestVersion
	Deliveries     []schemas.ManifestDelivery
	Previous       string          // SHA-256 of the program's manifest before this one; see LastManifest
	Scales         map[string]int  // decimal places by reward
	Expected       pipeline.Totals // what the ledger posts under the date
}

// Staged is a publication that lies in its hidden folder, complete, flushed and read back.
type Staged struct {
	Manifest *schemas.Manifest
	Text     []byte // the manifest's bytes
	SHA256   string // of Text, hex
	Folder   string // where it will stand
}

// LastManifest returns the SHA-256 of the program's newest manifest in the warehouse, "" before the first.
func LastManifest(ctx context.Context, db *warehouse.DB, program string) (string, error) {
	panic("to follow")
}

// Published reports whether the program has a publication for the date.
func Published(ctx context.Context, db *warehouse.DB, program string, postedOn pipeline.Date) (bool, error) {
	panic("to follow")
}

// Stage writes and checks the files of one publication in a hidden folder. It reads `difference` and changes
// nothing in the warehouse. Where it fails it removes what it wrote.
func Stage(ctx context.Context, db *warehouse.DB, req Request) (*Staged, error) { panic("to follow") }

// Record notes the publication as committed. It belongs into the transaction that posts the rows.
func (s *Staged) Record(ctx context.Context, db *warehouse.DB) error { panic("to follow") }

// Publish renames the folder into its place, flushes the folders above, and marks the publication as published.
func (s *Staged) Publish(ctx context.Context, db *warehouse.DB) error { panic("to follow") }

// Discard removes the hidden folder of a publication that is not to be.
func (s *Staged) Discard() error { panic("to follow") }

// Recovered says what Recover did.
type Recovered struct {
	Renamed   []string // folders that were complete and hidden
	Rewritten []string // folders that were written anew from the ledger
	Marked    []string // folders that stood in their place already
	Wiped     []string // hidden folders without publication
}

// Recover brings the grants folder and the warehouse to one state after a run that was killed. Afterwards it holds the
// published folders against the warehouse, by their manifests, and returns an error that names every folder that is
// missing, altered or unknown.
func Recover(ctx context.Context, db *warehouse.DB, grantsDir string, opts Options) (*Recovered, error) {
	panic("to follow")
}

// Problem is one thing that VerifyPublished found.
type Problem struct {
	File     string // path below the grants folder
	What     string
	Expected string
	Found    string
}

// String returns the problem as one line.
func (p Problem) String() string { panic("to follow") }

// VerifyPublished holds every published file against its manifest, the chain of manifests, and the ledger's rows. It
// trusts neither side.
func VerifyPublished(ctx context.Context, db *warehouse.DB, grantsDir string, opts Options) ([]Problem, error) {
	panic("to follow")
}
