CREATE TEMP TABLE dormant AS
SELECT identity, code, last_at, (SELECT count(*) FROM activity.reach WHERE identity_id = i.id AND events - denied > 0) AS resources
FROM activity.identities i JOIN codes USING (identity), week WHERE last_at < stop - 60 * 86400000 AND identity > '';
DELETE FROM dormant WHERE resources = 0;
CREATE TEMP TABLE gone AS
SELECT uid AS identity, code, end_date, (SELECT total(events) FROM activity.hours h JOIN activity.identities i ON i.id = h.identity_id
    WHERE lower(i.identity) = lower(uid) AND hour * 3600000 BETWEEN start AND stop - 1
        AND date(hour * 3600, 'unixepoch') > end_date) AS events
FROM people JOIN codes ON codes.identity = uid, week WHERE end_date > '';
DELETE FROM gone WHERE events = 0;
CREATE TEMP TABLE classes AS
SELECT identity, code, CASE operation WHEN 'embeddings.create' THEN 'inference' WHEN 'config.change' THEN 'config'
    WHEN 'policy.change' THEN 'config' WHEN 'collection.change' THEN 'vectors' ELSE CASE substr(operation, 1, instr(operation, '.'))
        WHEN 'vectors.' THEN 'vectors' WHEN 'checkpoint.' THEN 'weights' WHEN 'corpus.' THEN 'training_data' END END AS class,
    max(hour) * 3600000 AS last
FROM activity.hours JOIN activity.identities i ON i.id = identity_id JOIN codes USING (identity), week
WHERE decision = 'allowed' AND identity > '' AND hour * 3600000 < stop GROUP BY identity, class HAVING class IS NOT NULL;
CREATE TEMP TABLE unused AS
SELECT c.* FROM classes c, week WHERE last < stop - 60 * 86400000
    AND EXISTS (SELECT 1 FROM classes o WHERE o.identity = c.identity AND o.last >= stop - 60 * 86400000);
CREATE TEMP TABLE running AS
SELECT s.*, identity, code FROM activity.sessions s JOIN activity.identities i ON i.id = identity_id JOIN codes USING (identity), week
WHERE identity > '' AND NOT (s.last_at < start OR started_at >= stop);
CREATE TEMP TABLE overlaps AS
SELECT b.identity, b.code, b.session, b.address AS here, a.address AS there FROM running a JOIN running b
ON a.identity = b.identity AND a.address <> b.address AND b.started_at < a.last_at
    AND (a.started_at, -a.last_at, a.address, a.session) < (b.started_at, -b.last_at, b.address, b.session);
CREATE TEMP TABLE valid AS
SELECT t.* FROM hub.api_tokens t, week WHERE stop BETWEEN created_at + 1 AND expires_at - 1 AND ifnull(revoked_at, stop) >= stop;
SELECT 'access', json_object(
    'dormant_count', (SELECT count(*) FROM dormant), 'leaver_count', (SELECT count(*) FROM gone),
    'unused_count', (SELECT count(*) FROM unused),
    'long_session_count', (SELECT count(*) FROM running WHERE last_at - started_at > 86400000),
    'shared_count', (SELECT count(DISTINCT identity) FROM overlaps),
    'token_count', (SELECT count(*) FROM valid),
    'tokens', (SELECT json_group_array(json_object('name', name, 'owner', owner, 'created_at', created_at, 'expires_at', expires_at,
        'age_days', (stop - created_at) / 86400000)) FROM (SELECT v.*, stop FROM valid v, week ORDER BY created_at, id LIMIT 50)),
    'dormant', (SELECT json_group_array(json_object('who', json_object('name', identity, 'code', code), 'last_at', last_at,
        'resources', resources)) FROM (SELECT * FROM dormant ORDER BY resources DESC, last_at, code LIMIT 50)),
    'leavers', (SELECT json_group_array(json_object('who', json_object('name', identity, 'code', code), 'end_date', end_date,
        'events', events)) FROM (SELECT * FROM gone ORDER BY events DESC, code LIMIT 50)),
    'unused', (SELECT json_group_array(json_object('who', json_object('name', identity, 'code', code), 'access_class', class,
        'last_at', last)) FROM (SELECT * FROM unused ORDER BY last, code, class LIMIT 50)),
    'long_sessions', (SELECT json_group_array(json_object('who', json_object('name', identity, 'code', code),
        'started_at', started_at, 'hours', (last_at - started_at) / 3600000, 'events', events)) FROM (
            SELECT * FROM running WHERE last_at - started_at > 86400000
            ORDER BY (last_at - started_at) / 3600000 DESC, started_at, code LIMIT 50)),
    'shared', (SELECT json_group_array(json_object('who', json_object('name', identity, 'code', code), 'sessions', sessions,
        'addresses', addresses)) FROM (
            SELECT identity, code, count(DISTINCT session) AS sessions, (SELECT count(*) FROM (
                SELECT here FROM overlaps p WHERE p.identity = o.identity UNION SELECT there FROM overlaps p WHERE p.identity = o.identity))
                AS addresses
            FROM overlaps o GROUP BY identity ORDER BY sessions DESC, code LIMIT 50)));
