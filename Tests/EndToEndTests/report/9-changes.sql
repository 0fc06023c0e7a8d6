CREATE TEMP TABLE changed AS
SELECT c.*, identity, code, (SELECT name FROM activity.resources r WHERE r.id = resource_id) AS resource,
    (SELECT json_group_array(name) FROM (SELECT DISTINCT coalesce(r.name, a.rule) AS name FROM hub.incident_alerts a
        JOIN rules r ON (r.id = a.rule OR r.name = a.rule) AND folder = 'configuration'
        WHERE event = event_id AND time BETWEEN start AND stop + 3599999 ORDER BY a.rule)) AS fired
FROM activity.changes c JOIN activity.identities i ON i.id = identity_id JOIN codes USING (identity), week
WHERE c.at BETWEEN start AND stop - 1;
SELECT 'changes', json_object('count', (SELECT count(*) FROM changed),
    'out_of_window', (SELECT count(*) FROM changed WHERE fired <> '[]'),
    'without_change_id', (SELECT count(*) FROM changed WHERE change_id IS NULL AND decision = 'allowed'),
    'denied', (SELECT count(*) FROM changed WHERE decision NOT IN ('allowed', 'failed')),
    'list', (SELECT json_group_array(json_object('event', event_id, 'at', at, 'who', json_object('name', identity, 'code', code),
        'operation', operation, 'resource', resource, 'change_id', change_id, 'approval_id', approval_id, 'decision', decision,
        'rules', json(fired))) FROM (SELECT * FROM changed ORDER BY fired = '[]', change_id IS NOT NULL, at, event_id LIMIT 50)));
