-- What all sections need. Before it the test attaches hub.sqlite and activity.sqlite, imports identities.csv as people, and fills
-- asked (week, zone), rules (of `gatewatch detectors list`) and codes (HMAC-SHA-256 by another library). TZ is the zone: 'localtime'
-- and 'utc' are the C library's. Times are ms.
CREATE TEMP TABLE weeks AS
WITH RECURSIVE n(ago) AS (SELECT 0 UNION ALL SELECT ago + 1 FROM n WHERE ago < 8),
    m AS (SELECT ago, date(substr(week, 1, 4) || '-01-04', '-6 days', 'weekday 1',
        (7 * (substr(week, 7) - 1 - ago)) || ' days') AS monday FROM n, asked)
SELECT ago, monday, strftime('%Y', monday, '+3 days') || '-W'
        || printf('%02d', (strftime('%j', monday, '+3 days') - 1) / 7 + 1) AS name,
    1000 * strftime('%s', monday, 'utc') AS start, 1000 * strftime('%s', monday, '+7 days', 'utc') AS stop FROM m;
CREATE TEMP TABLE week AS SELECT * FROM weeks WHERE ago = 0;
CREATE TEMP TABLE before AS SELECT * FROM weeks WHERE ago = 1;
-- Alerts that people were told of, with what the report says of them.
CREATE TEMP TABLE told AS
SELECT a.*, coalesce((SELECT folder FROM rules r WHERE r.id = a.rule OR r.name = a.rule), '') AS folder,
    json_extract(json, '$.risk_score') AS risk
FROM hub.alerts a WHERE ifnull(rule_status, '') IS NOT 'experimental';
CREATE TEMP TABLE levels AS
SELECT column1 AS level, column2 AS least FROM (VALUES ('info', 0), ('low', 20), ('medium', 40), ('high', 70), ('critical', 90));
CREATE TEMP TABLE severities AS
SELECT column1 AS id, column2 AS word FROM (VALUES (0, 'unknown'), (1, 'informational'), (2, 'low'), (3, 'medium'), (4, 'high'),
    (5, 'critical'), (6, 'fatal'));
