CREATE TEMP TABLE families AS
SELECT column1 AS place, column2 AS family, column3 AS title FROM (VALUES (1, 'bulk_requests', 'Bulk requests'),
    (2, 'checkpoints', 'Model weights'), (3, 'training_data', 'Training data'), (4, 'configuration', 'Configuration outside of windows'),
    (5, 'credentials', 'Suspicious logons'), (6, 'chain', 'Several signals together'), (7, 'other', 'Other rules'));
CREATE TEMP TABLE signals AS
SELECT t.*, iif(folder IN (SELECT family FROM families), folder, 'other') AS family FROM told t;
CREATE TEMP TABLE judged AS
SELECT f.family, count(disposition) AS judged, count(disposition) FILTER (WHERE disposition = 'false') AS wrong
FROM families f LEFT JOIN (
    SELECT i.disposition, i.time, coalesce((SELECT family FROM families WHERE family = r.folder), 'other') AS family
    FROM hub.incident_alerts i LEFT JOIN rules r ON r.id = i.rule OR r.name = i.rule JOIN week
    WHERE i.time BETWEEN start AND stop - 1) USING (family) GROUP BY 1;
-- Days by the zone's clock: 28 that are shown, after 154 that are only learned.
CREATE TEMP TABLE days AS
WITH RECURSIVE d(day, ago) AS (SELECT date(monday, '+6 days'), 0 FROM week
    UNION ALL SELECT date(day, '-1 day'), ago + 1 FROM d WHERE ago < 181)
SELECT day, ago, total(bytes_out) AS bytes, total(items) FILTER (WHERE operation IN ('vectors.query', 'vectors.export')) AS vectors
FROM d LEFT JOIN (SELECT *, date(hour * 3600, 'unixepoch', 'localtime') AS day FROM activity.hours) USING (day) GROUP BY day;
-- The bands, by the formulas of docs/baselines.md with days as buckets and weekdays as season: half-life 28 days (the spread 7), learning
-- for 14 days and 10 active ones. json_each of one value names a value that the next ones need; slots are steps of 1/16 and 1/15.
CREATE TEMP TABLE amounts AS
SELECT 'bytes_out' AS metric, 181 - ago AS n, bytes AS v FROM days UNION ALL SELECT 'vectors_out', 181 - ago, vectors FROM days;
CREATE TEMP TABLE bands AS
WITH RECURSIVE b AS (
    SELECT metric, -1 AS n, NULL AS began, 0.0 AS seen, 0.0 AS active, 0.0 AS level, 0.0 AS deviation, 0.0 AS weight, 0 AS slots, 0 AS since,
        0.0 AS open, 0 AS was_active, '[0,0,0,0,0,0,0]' AS offsets, '[0,0,0,0,0,0,0]' AS shares, 0.0 AS expected, 0.0 AS low, 0.0 AS high,
        0.0 AS edge, 1 AS learning
    FROM (SELECT DISTINCT metric FROM amounts)
    UNION ALL
    SELECT b.metric, d.n, began.value, iif(began.value IS NULL, 0, seen * k + 1), iif(began.value IS NULL, 0, actives.value),
        iif(d.v > 0, levels.value, level),
        iif(d.v > 0 AND actives.value > 1, deviation + (iif(weights.value > 20, min(abs(learned.value - centre.value), 4 * deviation),
            abs(learned.value - centre.value)) - deviation) / weights.value, deviation),
        weights.value, size.value, start.value, iif(d.v > 0, learned.value - levels.value, 0), d.v > 0,
        -- Yesterday is folded into its slot: a step at least, half of the way at most by how often it was.
        CASE WHEN size.value = 0 OR slots = 0 OR NOT was_active THEN offsets ELSE (SELECT iif(size.value = 168,
            json_set(offsets, '$[' || (b.n % 7) || ']', moved), json_array(moved, moved, moved, moved, moved, moved, moved)) FROM (
                SELECT iif(near = old, old + (goal > old) - (goal < old), near) AS moved FROM (
                    SELECT *, round(old + max(1.0 / (rounds.value + 1), rate.value) * (goal - old)) AS near FROM (
                        SELECT json_extract(offsets, '$[' || (b.n % 7) || ']') AS old, max(-127, min(127, round(open * 16))) AS goal)))) END,
        CASE WHEN size.value = 0 THEN shares WHEN slots = 0 THEN (SELECT json_array(h, h, h, h, h, h, h) FROM (
                SELECT ceil(15 * active / max(seen, 1)) AS h)) ELSE (SELECT iif(size.value = 168,
            json_set(shares, '$[' || (b.n % 7) || ']', moved), json_array(moved, moved, moved, moved, moved, moved, moved)) FROM (
                SELECT iif(near = old, old + (goal > old) - (goal < old), near) AS moved FROM (
                    SELECT *, round(old + max(1.0 / (rounds.value + 2), rate.value) * (goal - old)) AS near FROM (
                        SELECT json_extract(shares, '$[' || (b.n % 7) || ']') AS old, 15 * was_active AS goal)))) END,
        expected.value, iif(share.value >= 0.9, max(exp(centre.value - 1.6448536269515 * spread.value) - 1, 0), 0),
        exp(centre.value + 1.6448536269515 * spread.value) - 1, edge.value, unknown.value
    FROM b JOIN amounts d ON d.metric = b.metric AND d.n = b.n + 1 JOIN (SELECT pow(0.5, 1 / 28.0) AS k)
        JOIN json_each(json_array(level + iif(slots > 0, json_extract(offsets, '$[' || (d.n % 7) || ']') / 16.0, 0))) centre
        JOIN json_each(json_array(max(0.001, iif(slots > 0, max(json_extract(shares, '$[' || (d.n % 7) || ']'), 0.5) / 15, (active + 1) / (seen + 2)))))
            share
        JOIN json_each(json_array(max(exp(centre.value) - 1, 0))) expected
        JOIN json_each(json_array(max(1.2533141373155 * (deviation * weight + 2) / (weight + 2), ln(1.2), 1 / sqrt(1 + expected.value))
            * sqrt(1 + 1 / max(active, 1)))) spread
        JOIN json_each(json_array(b.began IS NULL OR d.n - b.began < 14 OR active < 10)) unknown
        JOIN json_each(json_array(max(exp(centre.value + sqrt(max(20.25 + 2 * ln(share.value), 0)) * spread.value) - 1, expected.value + 4.5,
            3 * expected.value))) edge
        JOIN json_each(json_array(iif(share.value < 0.9, 0,
            max(min(exp(centre.value - 4.5 * spread.value) - 1, expected.value - 4.5), 0)))) floor
        JOIN json_each(json_array(ln(1 + iif(unknown.value, d.v, max(min(d.v, edge.value), floor.value))))) learned
        JOIN json_each(json_array(ifnull(b.began, iif(d.v > 0, d.n, NULL)))) began
        JOIN json_each(json_array(active * k + (d.v > 0))) actives
        JOIN json_each(json_array(weight * k * k * k * k + (d.v > 0 AND actives.value > 1))) weights
        JOIN json_each(json_array(level + (learned.value - iif(actives.value > 1, centre.value, level)) / max(actives.value, 1e-9))) levels
        JOIN json_each(json_array(iif(b.began IS NULL OR d.n - b.began < 2, 0, iif(d.n - b.began < 14, 24, 168)))) size
        JOIN json_each(json_array(iif(size.value <> slots, d.n, since))) start
        JOIN json_each(json_array(max(0, iif(size.value = 168, (b.n - start.value) / 7, b.n - start.value)))) rounds
        JOIN json_each(json_array(iif(size.value = 168, 1 - pow(2, -0.25), 0.0625))) rate)
SELECT metric, n, iif(learning, NULL, round(expected)) AS expected, iif(learning, NULL, round(low)) AS low,
    iif(learning, NULL, round(high)) AS high, iif(learning, NULL, round(edge)) AS edge FROM b WHERE n >= 154;
SELECT 'signals', json_object(
    'alerts', (SELECT count(*) FROM signals WHERE time BETWEEN start AND stop - 1),
    'identities', (SELECT count(DISTINCT identity) FROM signals WHERE time BETWEEN start AND stop - 1),
    'families', (SELECT json_group_array(json_object('family', family, 'title', title, 'alerts', alerts, 'alerts_before', past,
        'identities', identities, 'judged', judged, 'wrong', wrong,
        'precision', iif(judged > 0, round((judged - wrong) * 1.0 / judged, 4), NULL))) FROM (
            SELECT f.*, judged, wrong, count(id) FILTER (WHERE time BETWEEN w.start AND w.stop - 1) AS alerts,
                count(id) FILTER (WHERE time BETWEEN b.start AND b.stop - 1) AS past,
                count(DISTINCT iif(time BETWEEN w.start AND w.stop - 1, identity, NULL)) AS identities
            FROM families f JOIN judged USING (family) LEFT JOIN signals s USING (family), week w, before b
            GROUP BY family ORDER BY place)),
    'heat', (SELECT json_group_array(json(hours)) FROM (
        SELECT json_group_array(number) AS hours FROM (
            SELECT (d.value + 6) % 7 AS weekday, h.value AS hour, (SELECT count(*) FROM signals, week
                WHERE time BETWEEN start AND stop - 1
                    AND strftime('%w %H', time / 1000, 'unixepoch', 'localtime') = printf('%d %02d', d.value, h.value)) AS number
            FROM json_each('[0, 1, 2, 3, 4, 5, 6]') d, (SELECT value FROM generate_series(0, 23)) h ORDER BY 1, 2)
        GROUP BY weekday ORDER BY weekday)),
    'bytes_out', json_object('days', (SELECT json_group_array(day) FROM (SELECT day FROM days WHERE ago < 28 ORDER BY ago DESC)),
        'values', (SELECT json_group_array(bytes) FROM (SELECT bytes FROM days WHERE ago < 28 ORDER BY ago DESC)),
        'week', (SELECT sum(bytes) FROM days WHERE ago < 7), 'before', (SELECT sum(bytes) FROM days WHERE ago BETWEEN 7 AND 13),
        'expected', (SELECT json_group_array(expected) FROM (SELECT expected FROM bands WHERE metric = 'bytes_out' ORDER BY n)),
        'low', (SELECT json_group_array(low) FROM (SELECT low FROM bands WHERE metric = 'bytes_out' ORDER BY n)),
        'high', (SELECT json_group_array(high) FROM (SELECT high FROM bands WHERE metric = 'bytes_out' ORDER BY n)),
        'limit', (SELECT json_group_array(edge) FROM (SELECT edge FROM bands WHERE metric = 'bytes_out' ORDER BY n))),
    'vectors_out', json_object('days', (SELECT json_group_array(day) FROM (SELECT day FROM days WHERE ago < 28 ORDER BY ago DESC)),
        'values', (SELECT json_group_array(vectors) FROM (SELECT vectors FROM days WHERE ago < 28 ORDER BY ago DESC)),
        'week', (SELECT sum(vectors) FROM days WHERE ago < 7), 'before', (SELECT sum(vectors) FROM days WHERE ago BETWEEN 7 AND 13),
        'expected', (SELECT json_group_array(expected) FROM (SELECT expected FROM bands WHERE metric = 'vectors_out' ORDER BY n)),
        'low', (SELECT json_group_array(low) FROM (SELECT low FROM bands WHERE metric = 'vectors_out' ORDER BY n)),
        'high', (SELECT json_group_array(high) FROM (SELECT high FROM bands WHERE metric = 'vectors_out' ORDER BY n)),
        'limit', (SELECT json_group_array(edge) FROM (SELECT edge FROM bands WHERE metric = 'vectors_out' ORDER BY n)))) FROM week;
