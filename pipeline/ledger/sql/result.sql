-- Each date's next publication.
CREATE OR REPLACE TEMP TABLE difference_seqs AS
SELECT posted_on, CAST(coalesce(max(p.seq), 0) + 1 AS INTEGER) AS seq
FROM (SELECT DISTINCT posted_on FROM difference_rows)
LEFT JOIN (SELECT posted_on, seq FROM publications WHERE program = (SELECT program FROM difference_request)) p
  USING (posted_on)
GROUP BY posted_on;

-- Every row finds its names. All but the member's are joined from the left all the same: DuckDB takes an inner join
-- on a computed column for one that leaves next to nothing, and would then join the wrong way round, ten times slower.
CREATE OR REPLACE TEMP VIEW difference_named AS
SELECT q.program, d.program_version, m.member_id, u.rule, w.reward, d.amount, d.kind, d.source_type, d.source_id, d.n,
  d.earned_us, d.earned_on, d.posted_on, d.available_on, d.expires_on, d.reason, s.seq, d.place AS member_no
FROM difference_rows d
JOIN difference_members m ON m.member_no = d.member_no
LEFT JOIN difference_rules u ON u.rule_no = d.rule_no
LEFT JOIN difference_rewards w ON w.reward_no = d.reward_no
LEFT JOIN difference_seqs s ON s.posted_on = d.posted_on
CROSS JOIN difference_request q;

-- Everything, or after Narrow the rows of some dates.
CREATE OR REPLACE TEMP VIEW difference AS SELECT * FROM difference_named;
