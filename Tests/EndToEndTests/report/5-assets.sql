-- By the seven dates of the week, as days of UTC.
CREATE TEMP TABLE reached AS
SELECT d.*, r.type, r.name AS asset, c.name AS connection, i.identity,
    CASE r.type WHEN 'checkpoint' THEN 'checkpoints' WHEN 'model' THEN 'checkpoints' WHEN 'corpus' THEN 'datasets'
        WHEN 'collection' THEN 'namespaces' END AS kind,
    date(day * 86400, 'unixepoch') AS date
FROM activity.reach_days d JOIN activity.resources r ON r.id = resource_id JOIN activity.connections c ON c.id = connection_id
    JOIN activity.identities i ON i.id = identity_id;
CREATE TEMP TABLE assets AS
SELECT resource_id, kind, type, asset, connection, count(DISTINCT iif(events - denied > 0, identity, NULL)) AS identities,
    sum(events) AS events, sum(items) AS items, sum(bytes_out) AS bytes, sum(denied) AS denied, sum(unapproved) AS unapproved,
    (SELECT count(*) FROM activity.reach f, week w WHERE f.resource_id = n.resource_id
        AND date(f.first_at / 1000, 'unixepoch') BETWEEN w.monday AND date(w.monday, '+6 days')) AS first,
    (SELECT total(p.bytes_out) FROM reached p, before b WHERE p.resource_id = n.resource_id
        AND p.date BETWEEN b.monday AND date(b.monday, '+6 days')) AS past
FROM reached n, week WHERE date BETWEEN monday AND date(monday, '+6 days') GROUP BY resource_id;
CREATE TEMP TABLE taken AS
SELECT identity, code, asset, connection, sum(unapproved) AS events, sum(items) AS items, sum(bytes_out) AS bytes
FROM reached JOIN codes USING (identity), week
WHERE date BETWEEN monday AND date(monday, '+6 days') AND unapproved <> 0 GROUP BY identity, resource_id;
SELECT 'assets', json_object(
    'groups', (SELECT json_group_array(json_object('kind', value, 'count', (SELECT count(*) FROM assets WHERE kind = value),
        'assets', json((SELECT json_group_array(json_object('type', type, 'name', asset, 'connection', connection,
            'identities', identities, 'first_time', first, 'events', events, 'items', items, 'bytes_out', bytes,
            'bytes_out_before', past, 'denied', denied, 'unapproved', unapproved)) FROM (
                SELECT * FROM assets a WHERE a.kind = value
                ORDER BY unapproved DESC, bytes DESC, events DESC, connection, type, asset LIMIT 50)))))
        FROM json_each('["checkpoints", "datasets", "namespaces"]')),
    'unapproved_total', (SELECT total(events) FROM taken), 'unapproved_count', (SELECT count(*) FROM taken),
    'unapproved_by_connection', (SELECT json_group_array(json_object('connection', connection, 'identities', identities,
        'events', events, 'bytes_out', bytes)) FROM (
            SELECT connection, count(DISTINCT identity) AS identities, sum(events) AS events, sum(bytes) AS bytes FROM taken
            GROUP BY connection ORDER BY sum(events) DESC, connection)),
    'unapproved', (SELECT json_group_array(json_object('who', json_object('name', identity, 'code', code), 'asset', asset,
        'connection', connection, 'events', events, 'items', items, 'bytes_out', bytes)) FROM (
            SELECT * FROM taken ORDER BY events DESC, bytes DESC, connection, asset, code LIMIT 50)));
