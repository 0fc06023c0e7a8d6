CREATE TEMP TABLE clock AS
WITH RECURSIVE every(hour) AS (
    SELECT min(h) FROM (SELECT (start - 3600000) / 3600000 + value AS h FROM week, json_each('[0, 1, 2]')), week
        WHERE h * 3600000 >= start
    UNION ALL SELECT hour + 1 FROM every, week WHERE (hour + 1) * 3600000 < stop)
SELECT hour, total(events) AS events, total(unreadable) AS unreadable, total(late) AS late
FROM every LEFT JOIN activity.coverage USING (hour) GROUP BY hour;
CREATE TEMP TABLE holes AS
SELECT min(hour) * 3600000 AS start, count(*) AS hours
FROM (SELECT hour, hour - row_number() OVER (ORDER BY hour) AS island FROM clock WHERE events = 0) GROUP BY island;
SELECT 'header', json_object(
    'week', name, 'zone', (SELECT zone FROM asked), 'from', start, 'to', stop, 'hours', (stop - start) / 3600000,
    'hours_with_events', (SELECT count(*) FROM clock WHERE events > 0),
    'coverage', round((SELECT avg(events > 0) FROM clock), 4),
    'events_read', (SELECT sum(events) FROM clock), 'events_unreadable', (SELECT sum(unreadable) FROM clock),
    'events_late', (SELECT sum(late) FROM clock),
    'alerts_unreadable', (SELECT count(*) FROM hub.unreadable_alerts WHERE record_time BETWEEN start AND stop - 1),
    'rules', (SELECT count(*) FROM rules),
    'data_until', (SELECT max(min(at, stop)) FROM (SELECT time AS at FROM hub.alerts WHERE time < stop
        UNION SELECT last_at FROM activity.identities WHERE first_at < stop)),
    'gaps', (SELECT json_group_array(json_object('from', start, 'hours', hours))
        FROM (SELECT * FROM holes ORDER BY hours DESC, start LIMIT 50))) FROM week;
