package schemas

// ManifestName is the name of the manifest in a published folder.
const ManifestName = "manifest.json"

// ManifestFormat is the value of Manifest.Format that this version writes.
const ManifestFormat = "accrue.manifest/2"

// Manifest is what stands in manifest.json beside published grant files. It holds no clock: the same inputs give
// the same bytes. The doc tags are the reference for people.
type Manifest struct {
	Format     string             `json:"format" doc:"the form of this file: accrue.manifest/2"`
	Program    string             `json:"program" doc:"the program that grants"`
	PostedOn   string             `json:"posted_on" doc:"the date under which the grants are published"`
	Seq        int                `json:"seq" doc:"counts the publications of the program and date from 1"`
	Run        string             `json:"run" doc:"the run that published"`
	Horizon    string             `json:"horizon" doc:"the last business date that the evaluation knew"`
	Versions   []ManifestVersion  `json:"versions" doc:"the versions of the program, by effective date"`
	Deliveries []ManifestDelivery `json:"deliveries" doc:"the deliveries that were known, by date"`
	Files      []ManifestFile     `json:"files" doc:"the grant files; those of one format hold all rows together"`
	Totals     ManifestTotals     `json:"totals" doc:"control totals of the rows of one format"`
	Previous   string             `json:"previous_manifest_sha256" doc:"SHA-256 of the program's manifest that was published before this one, empty for the first"`
	SignedBy   string             `json:"signed_by,omitempty" doc:"the minisign key whose signature is in manifest.json.minisig; absent where it is not signed"`
}

// ManifestVersion is one program file.
type ManifestVersion struct {
	Version       int    `json:"version" doc:"the program's version"`
	EffectiveFrom string `json:"effective_from" doc:"the first business date on which it is in force"`
	File          string `json:"file" doc:"the name of the program file"`
	SHA256        string `json:"sha256" doc:"SHA-256 of the program file"`
	// Files are other files that it names.
	Files []ManifestNamed `json:"files,omitempty" doc:"files that the program file names, such as lists of gift codes; absent without any"`
}

// ManifestNamed is a file that a program file names.
type ManifestNamed struct {
	Name   string `json:"name" doc:"its path as the program file names it"`
	SHA256 string `json:"sha256" doc:"SHA-256 of its bytes"`
}

// ManifestDelivery is one delivery that the evaluation knew.
type ManifestDelivery struct {
	Date        string `json:"date" doc:"the delivery's date"`
	LoadSeq     int    `json:"load_seq" doc:"counts the loads of the project from 1: the one that took it in as it is"`
	Fingerprint string `json:"fingerprint" doc:"stands for the names, sizes and contents of its files"`
}

// ManifestFile is one grant file.
type ManifestFile struct {
	Name   string `json:"name" doc:"the file's name in this folder"`
	Format string `json:"format" doc:"csv, parquet, ndjson or arrow"`
	Bytes  int64  `json:"bytes" doc:"its size"`
	Rows   int64  `json:"rows" doc:"grants in it"`
	SHA256 string `json:"sha256" doc:"SHA-256 of its bytes"`
}

// ManifestTotals are control totals.
type ManifestTotals struct {
	Rows int64         `json:"rows" doc:"number of grants"`
	Sums []ManifestSum `json:"sums" doc:"by reward and kind, in that order"`
}

// ManifestSum is the control total of one reward and kind.
type ManifestSum struct {
	Reward string `json:"reward" doc:"the reward"`
	Kind   string `json:"kind" doc:"accrual, adjustment or reversal"`
	Rows   int64  `json:"rows" doc:"number of grants"`
	Amount string `json:"amount" doc:"their sum, a decimal with the digits of the reward's scale"`
}
