-- Each identity's latest alert with a risk before each week's end; its terms, each faded by half within 7 days (no shipped rule says
-- anything else).
CREATE TEMP TABLE latest AS
SELECT ago, stop, substr(max(printf('%020d/%06d/%s', time, json_extract(json, '$.risk_score'), id)), 29) AS id
FROM weeks JOIN hub.alerts ON time < stop
WHERE ago < 8 AND identity > '' AND json_extract(json, '$.risk_score') IS NOT NULL GROUP BY ago, identity;
CREATE TEMP TABLE terms AS
SELECT ago, identity, key AS place, json_extract(value, '$.rule') AS rule, json_extract(value, '$.alerts') AS alerts,
    json_extract(value, '$.points') * pow(0.5, (stop - time) / 604800000.0) AS points
FROM latest JOIN hub.alerts USING (id), json_each(alerts.json, '$.unmapped.risk_terms');
CREATE TEMP TABLE scores AS
SELECT identity, code, w.ago, w.name, ifnull(s.score, 0) AS score,
    (SELECT level FROM levels WHERE least <= ifnull(s.score, 0) ORDER BY least DESC LIMIT 1) AS level
FROM (SELECT DISTINCT identity FROM terms) JOIN (SELECT * FROM weeks WHERE ago < 8) w
    LEFT JOIN (SELECT ago, identity, round(sum(points), 1) AS score FROM terms GROUP BY 1, 2) s USING (ago, identity)
    JOIN codes USING (identity);
CREATE TEMP TABLE standings AS
SELECT identity, code, sum(score) FILTER (WHERE ago = 0) AS score, max(level) FILTER (WHERE ago = 0) AS level,
    round(sum(score) FILTER (WHERE ago = 0) - sum(score) FILTER (WHERE ago = 1), 1) AS delta
FROM scores GROUP BY identity HAVING max(score) >= 1;
CREATE TEMP TABLE entries AS
SELECT s.*, json_object('who', json_object('name', s.identity, 'code', code), 'role', nullif(role, ''),
    'peer_group', nullif(peer_group, ''), 'score', score, 'level', level, 'delta', delta,
    'history', (SELECT json_group_array(score) FROM (SELECT h.score FROM scores h WHERE h.identity = s.identity ORDER BY ago DESC)),
    'terms', (SELECT json_group_array(json_object('rule', rule, 'points', points, 'alerts', alerts)) FROM (
        SELECT ifnull((SELECT name FROM rules r WHERE r.name = t.rule OR r.id = t.rule), rule) AS rule, round(points, 1) AS points,
            alerts
        FROM terms t WHERE t.identity = s.identity AND ago = 0 AND round(points, 1) > 0 ORDER BY place))) AS entry
FROM standings s LEFT JOIN people p ON lower(p.uid) = lower(s.identity);
SELECT 'risk', json_object(
    'weeks', (SELECT json_group_array(name) FROM (SELECT name FROM weeks WHERE ago < 8 ORDER BY ago DESC)),
    'identities', (SELECT count(*) FROM standings WHERE score >= 1),
    'bands', (SELECT json_group_array(json_object('level', level, 'counts', json(counts))) FROM (
        SELECT level, json_group_array(number) AS counts FROM (
            SELECT l.level, least, w.ago, count(s.identity) AS number FROM levels l JOIN (SELECT * FROM weeks WHERE ago < 8) w
                LEFT JOIN scores s ON s.level = l.level AND s.ago = w.ago AND s.score >= 1
            GROUP BY l.level, w.ago ORDER BY least, w.ago DESC) GROUP BY level ORDER BY least)),
    'top', (SELECT json_group_array(json(entry)) FROM (
        SELECT entry FROM entries WHERE score >= 1 ORDER BY score DESC, code LIMIT 20)),
    'risers', (SELECT json_group_array(json(entry)) FROM (
        SELECT entry FROM entries WHERE delta > 0 ORDER BY delta DESC, code LIMIT 5)),
    'fallers', (SELECT json_group_array(json(entry)) FROM (
        SELECT entry FROM entries WHERE delta < 0 ORDER BY delta, code LIMIT 5)));
