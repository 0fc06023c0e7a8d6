CREATE TEMP TABLE tallies AS
SELECT a.rule AS key, coalesce(r.name, a.rule) AS rule, coalesce(r.title, max(a.title)) AS title, r.level,
    coalesce(r.status, max(rule_status)) AS status, count(*) FILTER (WHERE time BETWEEN w.start AND w.stop - 1) AS alerts,
    count(*) FILTER (WHERE time BETWEEN b.start AND b.stop - 1) AS past,
    count(DISTINCT iif(time >= w.start, identity, NULL)) AS identities,
    (SELECT count(*) FROM hub.incident_alerts i WHERE i.rule = a.rule AND disposition IS NOT NULL) AS judged,
    (SELECT count(*) FROM hub.incident_alerts i WHERE i.rule = a.rule AND disposition = 'false') AS wrong
FROM week w, before b, hub.alerts a LEFT JOIN rules r ON r.id = a.rule OR r.name = a.rule
WHERE time BETWEEN b.start AND w.stop - 1 GROUP BY a.rule;
CREATE TEMP TABLE sent AS SELECT d.* FROM hub.deliveries d, week WHERE created_at BETWEEN start AND stop - 1;
CREATE TEMP TABLE noisy AS
SELECT * FROM tallies WHERE alerts >= 50 OR judged >= 5 AND wrong * 1.0 / judged > 0.15;
CREATE TEMP TABLE silent AS
SELECT name FROM rules WHERE status <> 'experimental' AND NOT EXISTS (SELECT 1 FROM hub.alerts
    WHERE rule IN (rules.id, rules.name) AND time >= (SELECT start FROM weeks WHERE ago = 7) AND time < (SELECT stop FROM week));
CREATE TEMP TABLE held AS
SELECT s.reason FROM hub.routing_suppressed s, week WHERE alert_id IN (SELECT id FROM hub.alerts WHERE time BETWEEN start AND stop - 1);
SELECT 'detection', json_object(
    'rules', (SELECT json_group_array(json_object('rule', rule, 'title', title, 'level', level, 'status', status, 'alerts', alerts,
        'alerts_before', past, 'identities', identities, 'judged', judged, 'false_alerts', wrong,
        'false_share', iif(judged > 0, round(wrong * 1.0 / judged, 4), NULL))) FROM (
            SELECT * FROM tallies ORDER BY alerts DESC, past DESC, rule)),
    'silent', (SELECT json_group_array(name) FROM (SELECT name FROM silent ORDER BY name)),
    'noisy', (SELECT json_group_array(rule) FROM (SELECT rule FROM noisy ORDER BY alerts DESC, past DESC, rule)),
    'mean_time_to_detect', (SELECT round(avg(time - json_extract(json, '$.finding_info.first_seen_time'))) FROM told, week
        WHERE time BETWEEN start AND stop - 1),
    'arrival_p95', (SELECT min(took) FROM (SELECT received_at - time AS took, cume_dist() OVER (ORDER BY received_at - time) AS share
        FROM told, week WHERE time BETWEEN start AND stop - 1) WHERE share >= 0.95),
    'targets', (SELECT json_group_array(json_object('target', target, 'delivered', delivered, 'dead', dead, 'pending', pending)) FROM (
        SELECT target, count(*) FILTER (WHERE state = 'delivered') AS delivered, count(*) FILTER (WHERE state = 'dead') AS dead,
            count(*) FILTER (WHERE state = 'pending') AS pending FROM sent GROUP BY target ORDER BY target)),
    'silenced', (SELECT count(*) FROM held WHERE reason = 'silenced'), 'inhibited', (SELECT count(*) FROM held WHERE reason = 'inhibited'),
    'muted', (SELECT count(*) FROM held WHERE reason = 'muted'),
    'deliveries', (SELECT count(*) FROM sent), 'delivered', (SELECT count(*) FROM sent WHERE state = 'delivered'),
    'dead', (SELECT count(*) FROM sent WHERE state = 'dead'), 'pending', (SELECT count(*) FROM sent WHERE state = 'pending'),
    'delivery_success', (SELECT round(avg(state = 'delivered'), 4) FROM sent WHERE state <> 'pending'),
    'delivery_p95', (SELECT min(took) FROM (SELECT updated_at - created_at AS took, cume_dist() OVER (ORDER BY updated_at - created_at)
        AS share FROM sent WHERE state = 'delivered') WHERE share >= 0.95));
