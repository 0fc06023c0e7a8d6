CREATE TEMP TABLE lives AS SELECT *, (SELECT word FROM severities WHERE id = severity) AS word FROM hub.incidents;
SELECT 'summary', json_object(
    'opened', (SELECT count(*) FROM lives WHERE opened_at BETWEEN w.start AND w.stop - 1),
    'opened_before', (SELECT count(*) FROM lives WHERE opened_at BETWEEN b.start AND b.stop - 1),
    'closed', (SELECT count(*) FROM lives WHERE closed_at BETWEEN w.start AND w.stop - 1),
    'closed_before', (SELECT count(*) FROM lives WHERE closed_at BETWEEN b.start AND b.stop - 1),
    'open_at_end', (SELECT count(*) FROM lives WHERE opened_at < w.stop AND ifnull(closed_at, w.stop) >= w.stop),
    'incidents_by_severity', (SELECT json_group_array(json_object('severity', word, 'opened', now, 'opened_before', past)) FROM (
        SELECT s.word, count(*) FILTER (WHERE opened_at BETWEEN w.start AND w.stop - 1) AS now,
            count(*) FILTER (WHERE opened_at BETWEEN b.start AND b.stop - 1) AS past
        FROM severities s LEFT JOIN lives l ON l.severity = s.id GROUP BY s.id
        HAVING s.id BETWEEN 2 AND 5 OR now + past > 0 ORDER BY s.id DESC))) FROM week w, before b;
