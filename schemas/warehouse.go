package schemas

// Migrations bring a warehouse from one version to the next; the version of a warehouse is the number of
// migrations that it has seen. They are never edited once released: a change is a new one.
//
// Fact tables come twice: the one named after its dataset holds the rows that hold (one per key; for members one
// per key and delivery), `<dataset>_history` the rows that a later delivery superseded or repeated.
func Migrations() [][]string {
	return [][]string{first(), acknowledgements(), reconciliations(), past(), evaluations(), ranges(), hashes()}
}

// HistoryTable returns the name of the table that keeps a dataset's rows that do not hold.
func (d *Dataset) HistoryTable() string { return d.Name + "_history" }

func first() []string {
	var out []string
	for _, d := range Datasets {
		out = append(out, d.DDL(d.Name), d.DDL(d.HistoryTable()),
			// state: superseded (a later row says something else) or duplicate (it says the same).
			"ALTER TABLE "+d.HistoryTable()+" ADD COLUMN state VARCHAR")
	}
	return append(out,
		// One row per delivery folder that is loaded. load_seq counts loads of the whole project upwards from 1.
		`CREATE TABLE deliveries (
			delivery DATE NOT NULL, load_seq INTEGER NOT NULL, fingerprint VARCHAR NOT NULL)`,
		// One row per file of a loaded delivery; rows_read = accepted + duplicate + superseded + rejected, as of now.
		`CREATE TABLE files (
			file_id INTEGER NOT NULL, delivery DATE NOT NULL, dataset VARCHAR NOT NULL, name VARCHAR NOT NULL,
			bytes BIGINT NOT NULL, modified_ns BIGINT NOT NULL, sha256 VARCHAR NOT NULL,
			rows_read BIGINT NOT NULL, rows_accepted BIGINT NOT NULL, rows_duplicate BIGINT NOT NULL,
			rows_superseded BIGINT NOT NULL, rows_rejected BIGINT NOT NULL,
			amount_read HUGEINT NOT NULL)`, // ten-thousandths, of all rows whose amount is a number
		`CREATE TABLE rejects (
			delivery DATE NOT NULL, file_id INTEGER NOT NULL, dataset VARCHAR NOT NULL, row_no BIGINT NOT NULL,
			reason VARCHAR NOT NULL, detail VARCHAR, raw VARCHAR)`, // detail: `<column>=<value>`, where one is to blame
		// Rows that held and were withdrawn by a redelivery, with the load that took them away: so that a later
		// difference can be given its reason. key is the id, for items and returns the transaction_id; a return that
		// a later delivery moves to another transaction is withdrawn from the first one.
		`CREATE TABLE withdrawn (dataset VARCHAR NOT NULL, key VARCHAR NOT NULL, load_seq INTEGER NOT NULL)`,
		// Versions of programs that are the base of posted grants.
		`CREATE TABLE program_bases (
			program VARCHAR NOT NULL, version INTEGER NOT NULL, effective_from DATE NOT NULL, file VARCHAR NOT NULL,
			sha256 VARCHAR NOT NULL)`,
		// State of a program's evaluation: the newest date it was ever run for, and what the last run knew.
		`CREATE TABLE horizons (program VARCHAR NOT NULL, horizon DATE NOT NULL, load_seq INTEGER NOT NULL)`,
		// The few words that kinds, source types and reasons can be are enums: as text each of them would take
		// longer to compress than all numbers of the row together.
		`CREATE TABLE ledger (
			program VARCHAR NOT NULL, program_version INTEGER NOT NULL, member_id VARCHAR NOT NULL USING COMPRESSION uncompressed,
			rule VARCHAR NOT NULL, reward VARCHAR NOT NULL, amount BIGINT NOT NULL,
			kind ENUM ('accrual', 'adjustment', 'reversal') NOT NULL,
			source_type ENUM ('transaction', 'activity', 'birthday') NOT NULL,
			source_id VARCHAR NOT NULL USING COMPRESSION uncompressed, n INTEGER NOT NULL,
			earned_us BIGINT NOT NULL, earned_on DATE NOT NULL, posted_on DATE NOT NULL,
			available_on DATE NOT NULL, expires_on DATE,
			reason ENUM ('', 'restated', 'member_changed', 'returned', 'corrected', 'late', 'tier_changed',
				'limit_shifted') NOT NULL,
			seq INTEGER NOT NULL)`,
		// state: committed (ledger rows are in, the folder may still bear its hidden name) or published.
		`CREATE TABLE publications (
			program VARCHAR NOT NULL, posted_on DATE NOT NULL, seq INTEGER NOT NULL, run VARCHAR NOT NULL,
			state VARCHAR NOT NULL, rows_count BIGINT NOT NULL, manifest_sha256 VARCHAR NOT NULL,
			manifest VARCHAR NOT NULL)`,
		// state: running, published (something was posted), unchanged, failed. summary is JSON for people's eyes.
		`CREATE TABLE runs (
			run VARCHAR NOT NULL, command VARCHAR NOT NULL, from_date DATE NOT NULL, until_date DATE NOT NULL,
			attempt INTEGER NOT NULL, state VARCHAR NOT NULL, started_at TIMESTAMP, finished_at TIMESTAMP,
			message VARCHAR, summary VARCHAR)`,
	)
}

// past is what changing the past needs: the text of the programs that posted grants rest on, and the closings.
func past() []string {
	return []string{
		// The text of the program file; empty where it is not known.
		`ALTER TABLE program_bases ADD COLUMN source VARCHAR`,
		// What `accrue close` was told, in order: n counts the program's entries from 1. closed_through is the last
		// closed date from then on, NULL where everything is open again. Nothing is ever changed here.
		`CREATE TABLE closings (
			program VARCHAR NOT NULL, n INTEGER NOT NULL, act VARCHAR NOT NULL, closed_through DATE,
			noted_at TIMESTAMP NOT NULL)`,
	}
}

// evaluations is what loading and evaluating only what has changed need.
func evaluations() []string {
	return []string{
		// Deliveries that were loaded again, with that load: rows that they held before may be gone without a trace.
		`CREATE TABLE reloads (delivery DATE NOT NULL, load_seq INTEGER NOT NULL)`,
		// Items and returns, of whatever delivery, whose transaction has not come yet, by transaction.
		`CREATE TABLE waiting (dataset VARCHAR NOT NULL, transaction_id VARCHAR NOT NULL, rows_count BIGINT NOT NULL)`,
		`INSERT INTO waiting SELECT 'items', x.transaction_id, count(*)
			FROM items x ANTI JOIN transactions t ON t.transaction_id = x.transaction_id GROUP BY x.transaction_id`,
		`INSERT INTO waiting SELECT 'returns', x.transaction_id, count(*)
			FROM returns x ANTI JOIN transactions t ON t.transaction_id = x.transaction_id GROUP BY x.transaction_id`,
		// Transactions that came after rows that belong to them.
		`CREATE TABLE waited (transaction_id VARCHAR NOT NULL)`,
		`INSERT INTO waited SELECT DISTINCT t.transaction_id FROM transactions t JOIN (
			SELECT transaction_id, first_seq FROM items UNION ALL SELECT transaction_id, first_seq FROM returns
			) x ON x.transaction_id = t.transaction_id AND x.first_seq < t.first_seq`,
		// What a rule's grants would take of its budget if it had no end: at least that much, in ten-thousandths.
		`CREATE TABLE budgets (program VARCHAR NOT NULL, rule VARCHAR NOT NULL, asked BIGINT NOT NULL)`,
		// A digest of what a program's last run evaluated by. steady: all that it ever granted was earned by the same
		// clock, so that the dates in the ledger are those of the sources as long as these do not change.
		`CREATE TABLE evaluations (program VARCHAR NOT NULL, basis VARCHAR NOT NULL, clock VARCHAR NOT NULL, steady BOOLEAN NOT NULL)`,
	}
}

// ranges is what finding a row by its id needs.
func ranges() []string {
	return []string{
		// Between which ids some rows of a file are, as it was when it was loaded: of items the transaction_id, of others the
		// key. All rows of a file that is here at all are in one of its ranges; one that is not may hold any id.
		`CREATE TABLE id_ranges (
			file_id INTEGER NOT NULL, first_row BIGINT NOT NULL, last_row BIGINT NOT NULL, low VARCHAR NOT NULL, high VARCHAR NOT NULL)`,
	}
}

// hashes is what finding rows by an id needs that stands anywhere among them.
func hashes() []string {
	return []string{
		// Hashes of the ids, NULL in rows that are older than these columns.
		"ALTER TABLE " + Transactions.Name + " ADD COLUMN " + MemberHash + " UINTEGER",
		"ALTER TABLE ledger ADD COLUMN " + SourceHash + " UINTEGER",
		"ALTER TABLE ledger ADD COLUMN " + MemberHash + " UINTEGER",
		// The versions of DuckDB that may have made them, the empty one where some are missing: each may hash in its own way.
		`CREATE TABLE hashed_by (version VARCHAR NOT NULL)`,
		`INSERT INTO hashed_by SELECT '' FROM (SELECT 1 FROM files UNION ALL SELECT 1 FROM publications) LIMIT 1`,
	}
}

// Columns that hold the hashes of ids.
const (
	MemberHash = "member_hash" // of member_id, in transactions and the ledger
	SourceHash = "source_hash" // of source_id, in the ledger
)
