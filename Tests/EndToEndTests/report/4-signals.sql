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
        'learned', (SELECT json_group_array(bytes) FROM (SELECT bytes FROM days ORDER BY ago DESC))),
    'vectors_out', json_object('days', (SELECT json_group_array(day) FROM (SELECT day FROM days WHERE ago < 28 ORDER BY ago DESC)),
        'values', (SELECT json_group_array(vectors) FROM (SELECT vectors FROM days WHERE ago < 28 ORDER BY ago DESC)),
        'week', (SELECT sum(vectors) FROM days WHERE ago < 7), 'before', (SELECT sum(vectors) FROM days WHERE ago BETWEEN 7 AND 13),
        'learned', (SELECT json_group_array(vectors) FROM (SELECT vectors FROM days ORDER BY ago DESC)))) FROM week;
