package reconcile

import "fmt"

// Acknowledged holds what is published against what downstream says. Of several acknowledgements of a grant the last
// one holds, by the name of its file and then by its row: a rejection may be followed by a posting, and an amount be
// put right. Two that say the same amount was posted, and no rejection between them, are a duplicate.
func (w *Work) Acknowledged() error {
	w.held[Acks] = true
	if err := w.run("the acknowledgements", `CREATE TABLE recon.off AS
		SELECT p.spot, coalesce(p.grant_id, a.grant_id) AS grant_id, p.program, p.posted_on, p.reward, p.amount,
			CAST(a.status AS VARCHAR) AS status, CAST(a.amount AS HUGEINT) AS said, a.reason, a.posted_wall, a.posted_offset, a.file_id, a.row_no,
			CAST(1 AS BIGINT) AS times
		FROM recon_published p FULL JOIN acks a ON a.grant_id = p.grant_id
		WHERE p.grant_id IS NULL OR a.grant_id IS NULL OR a.status <> 'posted' OR a.amount <> p.amount`); err != nil {
		return err
	}
	several, err := w.several()
	if err != nil {
		return err
	}
	if several {
		if err := w.settle(); err != nil {
			return err
		}
	}
	if err := w.run("the acknowledgements", w.ackTies()); err != nil {
		return err
	}
	if w.broken {
		if err := w.named(); err != nil {
			return err
		}
	}
	return w.run("the acknowledgements", w.ackBreaks(), w.strangers())
}

// named forgives what differs only because a published file and the ledger do: that was named.
func (w *Work) named() error {
	rows := fmt.Sprintf(`SELECT %s AS grant_id, l.amount, l.rowid AS spot FROM ledger l
		JOIN recon.broken b ON b.program = l.program AND b.posted_on = l.posted_on AND b.seq = l.seq`, w.grantID("l."))
	return w.run("the acknowledgements",
		// Downstream may go by the file or by the ledger.
		`DELETE FROM recon.off WHERE spot < 0 AND status = 'posted' AND times = 1
			AND EXISTS (SELECT 1 FROM (`+rows+`) l WHERE l.grant_id = recon.off.grant_id AND l.amount = recon.off.said)`,
		// What only the ledger has, or only the file, need not be acknowledged.
		"DELETE FROM recon.off WHERE file_id IS NULL AND spot >= 0 AND spot IN (SELECT spot FROM ("+rows+"))",
		"DELETE FROM recon.off WHERE file_id IS NULL AND spot < 0 AND NOT EXISTS (SELECT 1 FROM ("+rows+") l WHERE l.grant_id = recon.off.grant_id)")
}

// several reports whether any grant has more than one acknowledgement: then more pairs than grants have met.
func (w *Work) several() (bool, error) {
	var acks, published, noAck, noGrant, pairs int64
	err := w.db.QueryRow(w.ctx, `SELECT (SELECT count(*) FROM acks), (SELECT count(*) FROM recon_published),
		count(*) FILTER (WHERE file_id IS NULL), count(*) FILTER (WHERE spot IS NULL), count(DISTINCT grant_id) FILTER (WHERE spot IS NULL)
		FROM recon.off`).Scan(&acks, &published, &noAck, &noGrant, &pairs)
	if err != nil {
		return false, fmt.Errorf("reconciling the acknowledgements: %w", err)
	}
	return acks-noGrant != published-noAck || pairs != noGrant, nil
}

// settle replaces the rows of grants with several acknowledgements by the one that holds.
func (w *Work) settle() error {
	return w.run("several acknowledgements of one grant",
		`CREATE TABLE recon.several AS
			SELECT a.*, row_number() OVER last_first AS back, coalesce(sum(CAST(a.status = 'rejected' AS INTEGER)) OVER last_first, 0) AS refused
			FROM acks a JOIN (SELECT grant_id FROM acks GROUP BY grant_id HAVING count(*) > 1) s ON s.grant_id = a.grant_id
			JOIN ack_files f ON f.file_id = a.file_id
			WINDOW last_first AS (PARTITION BY a.grant_id ORDER BY f.name DESC, a.row_no DESC)`,
		`CREATE TABLE recon.last AS
			SELECT l.*, coalesce(t.times, 1) AS times, t.total
			FROM (SELECT * FROM recon.several WHERE back = 1) l
			LEFT JOIN (
				SELECT s.grant_id, count(*) AS times, sum(s.amount) AS total FROM recon.several s
				JOIN recon.several h ON h.grant_id = s.grant_id AND h.back = 1 AND h.amount = s.amount
				WHERE s.status = 'posted' AND s.refused = 0 GROUP BY s.grant_id
			) t ON t.grant_id = l.grant_id`,
		"DELETE FROM recon.off WHERE grant_id IN (SELECT grant_id FROM recon.last)",
		`INSERT INTO recon.off
			SELECT p.spot, l.grant_id, p.program, p.posted_on, p.reward, p.amount, l.status,
				CASE WHEN l.times > 1 AND l.status = 'posted' THEN l.total ELSE l.amount END, l.reason,
				l.posted_wall, l.posted_offset, l.file_id, l.row_no, l.times
			FROM recon.last l LEFT JOIN recon_published p ON p.grant_id = l.grant_id
			WHERE p.grant_id IS NULL OR l.status <> 'posted' OR l.amount <> p.amount OR l.times > 1`)
}

// ackBreaks turns what is off into breaks. Grants that downstream names and nobody published belong to the program
// that their id begins with, and to the day on which they were posted.
func (w *Work) ackBreaks() string {
	const first = "replace(replace(split_part(o.grant_id, '/', 1), '%2F', '/'), '%25', '%')"
	return fmt.Sprintf(`INSERT INTO recon.breaks (program, tie, type, key, dated, member_id, rule, reward, source_type, source_id, expected, found, what,
			place, ack_file, ack_row)
		SELECT program, '%[1]s', type, grant_id, dated, member_id, rule, reward, source_type, source_id, %[2]s, %[3]s,
			CASE type WHEN '%[4]s' THEN 'no acknowledgement has come' WHEN '%[5]s' THEN 'acknowledged, and never published'
				WHEN '%[6]s' THEN concat('rejected', coalesce(': ' || reason, '')) WHEN '%[7]s' THEN concat('posted ', times, ' times')
				ELSE 'another amount was posted' END,
			place, file_id, row_no
		FROM (
			SELECT coalesce(o.program, %[9]s) AS program, o.grant_id,
				CASE WHEN o.spot IS NULL THEN '%[5]s' WHEN o.file_id IS NULL THEN '%[4]s' WHEN o.status = 'rejected' THEN '%[6]s'
					WHEN o.times > 1 AND o.said = o.amount * o.times THEN '%[7]s' ELSE '%[8]s' END AS type,
				coalesce(o.posted_on, CAST(make_timestamp(o.posted_wall - coalesce(o.posted_offset, 0) * 1000000) AS DATE), %[10]s) AS dated,
				coalesce(l.member_id, f.member_id) AS member_id, coalesce(l.rule, f.rule) AS rule, o.reward,
				coalesce(CAST(l.source_type AS VARCHAR), f.source_type) AS source_type, coalesce(l.source_id, f.source_id) AS source_id,
				o.amount AS expected, CASE WHEN o.status = 'posted' THEN o.said END AS found, o.reason, o.times, o.file_id, o.row_no,
				CASE WHEN o.spot IS NOT NULL THEN concat('grants/', o.program, '/date=', o.posted_on, '/seq=',
					lpad(CAST(coalesce(l.seq, f.seq) AS VARCHAR), 3, '0')) END AS place
			FROM recon.off o
			LEFT JOIN (SELECT *, rowid AS spot FROM ledger WHERE rowid IN (SELECT spot FROM recon.off)) l ON l.spot = o.spot
			LEFT JOIN recon.file_rows f ON -1 - f.rowid = o.spot
		) WHERE %[11]s`,
		Acks, decimal("expected"), decimal("found"), Unacknowledged, Extra, Rejected, Duplicate, Amount, first, dateSQL(w.scope.AsOf),
		w.inScope("dated"))
}

// ackTies are the figures of both sides: of the grants that are not off, what is published is what was posted.
func (w *Work) ackTies() string {
	return fmt.Sprintf(`INSERT INTO recon.ties
		SELECT p.program, '%[1]s', p.reward, p.n, p.total, p.n - coalesce(o.unposted, 0), p.total - coalesce(o.expected, 0) + coalesce(o.said, 0)
		FROM (SELECT program, reward, count(*) AS n, sum(amount) AS total FROM recon_published WHERE %[2]s GROUP BY ALL) p
		LEFT JOIN (
			SELECT program, reward, count(*) FILTER (WHERE status IS DISTINCT FROM 'posted') AS unposted, sum(amount) AS expected,
				sum(said) FILTER (WHERE status = 'posted') AS said
			FROM recon.off WHERE spot IS NOT NULL AND %[2]s GROUP BY ALL
		) o ON o.program = p.program AND o.reward = p.reward`,
		Acks, w.inScope("posted_on"))
}

// strangers are the figures of what was posted and nobody granted, whose reward is not known.
func (w *Work) strangers() string {
	return fmt.Sprintf(`INSERT INTO recon.ties
		SELECT program, '%[1]s', NULL, 0, 0, count(*), coalesce(sum(CAST(CAST(found AS DECIMAL(30, 4)) * 10000 AS HUGEINT)), 0)
		FROM recon.breaks WHERE tie = '%[1]s' AND type = '%[2]s' GROUP BY program`, Acks, Extra)
}
