package schemas

// AcksDir is the usual name of the folder of acknowledgements, and of what is loaded from it.
const AcksDir = "acks"

// Statuses of an acknowledgement.
const (
	AckPosted   = "posted"
	AckRejected = "rejected"
)

// Acks is the contract of acknowledgements: what downstream says it did with the grants (spec section 10). They lie
// in a folder of their own and are not part of a delivery.
var Acks = dataset(AcksDir, "One row per grant that downstream has taken in or refused.", []string{AckPosted, AckRejected},
	key("grant_id", "the grant, as it was published"),
	Field{Name: "status", Kind: KindStatus, Required: true, Doc: "posted or rejected"},
	Field{Name: "amount", Kind: KindSigned, Required: true, Doc: "what was posted, signed; may be empty where rejected"},
	Field{Name: "posted_at", Kind: KindTimestamp, Doc: "when; a wall clock is read as UTC"},
	Field{Name: "reason", Kind: KindText, Doc: "why it was rejected"},
)

// acknowledgements are the tables of migration 2.
func acknowledgements() []string {
	columns := "file_id INTEGER NOT NULL, row_no BIGINT NOT NULL"
	for _, f := range Acks.Fields() {
		for _, c := range f.Columns() {
			columns += `, "` + c.Name + `" ` + c.Type
			if f.Kind == KindID {
				columns += " USING COMPRESSION uncompressed"
			}
		}
	}
	return []string{
		"CREATE TABLE " + Acks.Name + " (" + columns + ")",
		// One row per file of acknowledgements; rows_read = rows_accepted + rows_rejected.
		`CREATE TABLE ack_files (
			file_id INTEGER NOT NULL, name VARCHAR NOT NULL, bytes BIGINT NOT NULL, modified_ns BIGINT NOT NULL,
			sha256 VARCHAR NOT NULL, rows_read BIGINT NOT NULL, rows_accepted BIGINT NOT NULL, rows_rejected BIGINT NOT NULL)`,
		`CREATE TABLE ack_rejects (
			file_id INTEGER NOT NULL, row_no BIGINT NOT NULL, reason VARCHAR NOT NULL, detail VARCHAR, raw VARCHAR)`,
		// What reconciliation found. A break is known by its place, type and key; found_on and closed_on are the dates
		// as of which it was first and no longer seen, closed_on is NULL while it is open. Figures are as last seen.
		`CREATE TABLE breaks (
			program VARCHAR NOT NULL, tie VARCHAR NOT NULL, type VARCHAR NOT NULL, key VARCHAR NOT NULL,
			dated DATE NOT NULL, member_id VARCHAR, rule VARCHAR, reward VARCHAR,
			expected VARCHAR, found VARCHAR, what VARCHAR,
			found_on DATE NOT NULL, closed_on DATE)`,
	}
}

// reconciliations are the tables of migration 3.
func reconciliations() []string {
	return []string{
		// The rows behind a break: file, row and id of each, parted by NUL.
		"ALTER TABLE breaks ADD COLUMN sources VARCHAR",
		// One row per reconciliation; program is '' for all. summary is JSON for people's eyes.
		`CREATE TABLE reconciliations (
			as_of DATE NOT NULL, from_date DATE NOT NULL, until_date DATE NOT NULL, program VARCHAR NOT NULL,
			number INTEGER NOT NULL, summary VARCHAR)`,
	}
}
