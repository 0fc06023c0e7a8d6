CREATE TEMP TABLE concerned AS
SELECT l.* FROM lives l, week WHERE opened_at < stop AND (
    opened_at >= start OR ifnull(closed_at, start) >= start
    OR EXISTS (SELECT 1 FROM hub.incident_alerts a WHERE a.incident_id = l.id AND time BETWEEN start AND stop - 1));
CREATE TEMP TABLE causes AS
SELECT a.*, coalesce((SELECT name FROM rules r WHERE r.id = a.rule OR r.name = a.rule), rule) AS name
FROM hub.incident_alerts a, week WHERE time < stop;
-- The first six entries and the last six.
CREATE TEMP TABLE lines AS
SELECT *, count(*) OVER (PARTITION BY incident_id) AS many, row_number() OVER (PARTITION BY incident_id
    ORDER BY at, kind, ifnull(reference, ''), ifnull(who, ''), text) AS place
FROM hub.incident_entries, week WHERE at < stop AND kind <> 'notification';
SELECT 'incidents', json_object('count', (SELECT count(*) FROM concerned),
    'list', (SELECT json_group_array(json_object(
        'id', id, 'who', iif(identity IS NULL, NULL, json_object('name', identity, 'code', code)), 'title', title, 'severity', word,
        'status', status, 'opened_at', opened_at, 'closed_at', closed_at, 'closed_why', closed_why, 'owner', assignee,
        'disposition', disposition, 'disposition_reason', disposition_reason, 'risk_score', risk_score,
        'alerts', (SELECT count(*) FROM causes WHERE incident_id = i.id),
        'last_alert_at', (SELECT max(time) FROM causes WHERE incident_id = i.id),
        'rules', (SELECT json_group_array(name) FROM (SELECT DISTINCT name FROM causes WHERE incident_id = i.id ORDER BY name)),
        'bytes', (SELECT total(most) FROM (SELECT max(bytes) AS most FROM causes WHERE incident_id = i.id AND event IS NOT NULL
            GROUP BY event)),
        'items', (SELECT total(most) FROM (SELECT max(items) AS most FROM causes WHERE incident_id = i.id AND event IS NOT NULL
            GROUP BY event)),
        'resources', (SELECT json_group_array(resource) FROM (
            SELECT DISTINCT resource FROM causes WHERE incident_id = i.id AND resource IS NOT NULL ORDER BY resource LIMIT 5)),
        'event_count', (SELECT count(DISTINCT event) FROM causes WHERE incident_id = i.id),
        'events', (SELECT json_group_array(event) FROM (
            SELECT DISTINCT event FROM causes WHERE incident_id = i.id AND event IS NOT NULL ORDER BY event LIMIT 20)),
        'omitted_entries', max(0, (SELECT count(*) FROM lines WHERE incident_id = i.id) - 12),
        'timeline', (SELECT json_group_array(json_object('at', at, 'kind', kind, 'who', who, 'reference', reference,
            'text', substr(text, 1, 4096))) FROM (
                SELECT * FROM lines WHERE incident_id = i.id AND (place <= 6 OR place > many - 6) ORDER BY place)),
        'evidence', (SELECT json_group_array(json_object('sequence', sequence, 'action', action, 'hash', hash)) FROM (
            SELECT e.* FROM hub.evidence e, week WHERE subject = i.id AND at < stop ORDER BY sequence LIMIT 50))))
        FROM (SELECT c.*, code FROM concerned c LEFT JOIN codes USING (identity)
            ORDER BY severity DESC, opened_at DESC, id LIMIT 40) i));
