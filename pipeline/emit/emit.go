// Package emit publishes grants: the last stage of a night.
//
// Stage writes the grant files and their manifest into a hidden folder beside their place, flushes them to disk,
// reads them back and holds what it reads against the ledger. Staged.Record notes the publication in the warehouse,
// inside the transaction that posts the ledger rows: its commit is the decision. Staged.Publish renames the folder
// into place and marks the publication. Recover finishes what a killed run left between the two, and
// VerifyPublished holds everything that was ever published against the ledger.
//
// The bytes of a file depend on the rows alone, not on threads, memory or the version of DuckDB: the rows come as
// numbers and ids (feed.go), and everything written is made here and in columnar.
package emit

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
	// Signer signs manifests; nil: they are not signed. Verify checks signatures; nil where no public key is known.
	Signer Signer
	Verify Verifier
	// Step is told the name of each step before it is taken (see Steps); nil for nobody.
	Step func(name string)
	// Progress is told how many of how many rows are done, written and read back both counted; nil for nobody.
	Progress func(done, total int64)
	// SliceRows is about how many rows to take out of the warehouse at once; 0 for some millions.
	SliceRows int64
}

// Steps are the names that Options.Step is told, in order.
var Steps = []string{"emit.write", "emit.sync", "emit.readback", "publish.rename", "publish.sync", "publish.mark"}

func (o Options) filled() Options {
	if o.FS == nil {
		o.FS = osFS{}
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.SliceRows == 0 {
		o.SliceRows = sliceRows
	}
	return o
}

// counter returns a function to call once per row.
func (o Options) counter(total int64) func() {
	if o.Progress == nil {
		return func() {}
	}
	n := int64(0)
	return func() {
		if n++; n%65536 == 0 || n == total {
			o.Progress(n, total)
		}
	}
}
