-- urgency, weight, key, what it is about, and the numbers that its text must have.
CREATE TEMP TABLE sizes AS
SELECT bytes, max(key), iif(v >= 100, printf('%.0f', v), rtrim(rtrim(printf('%.' || iif(v >= 10, 1, 2) || 'f', v), '0'), '.')) || ' ' || unit AS text
FROM (SELECT bytes, key, value AS unit, bytes / pow(1024.0, key) AS v FROM json_each('["B", "KiB", "MiB", "GiB", "TiB"]'), (
    SELECT sum(bytes) AS bytes FROM taken GROUP BY connection UNION SELECT sum(bytes) FROM days WHERE ago < 7
    UNION SELECT sum(bytes) FROM days WHERE ago BETWEEN 7 AND 13)) WHERE v >= 1 GROUP BY bytes;
CREATE TEMP TABLE advice (urgency, weight, key, about, words);
INSERT INTO advice SELECT 1, ifnull(risk_score, 0), 'incident.owner:' || id, json_array(id), json_array(word) FROM concerned
WHERE status = 'open' AND assignee IS NULL AND severity BETWEEN 4 AND 6;
INSERT INTO advice SELECT 1, score, 'risk.order:' || code, json_array(code), json_array(printf('risk %g,', score)) FROM standings s
WHERE score >= 70 AND NOT EXISTS (SELECT 1 FROM concerned c WHERE c.identity = s.identity
    AND (disposition IS NOT NULL OR EXISTS (SELECT 1 FROM issued WHERE incident = c.id)));
INSERT INTO advice SELECT 3, count(*), 'incident.disposition', json_group_array(id), json_array(count(*) || ' closed incident')
FROM (SELECT * FROM concerned ORDER BY severity DESC, opened_at DESC, id) WHERE status = 'closed' AND disposition IS NULL HAVING count(*) > 0;
INSERT INTO advice SELECT 3, count(*), 'approval.expired', json_group_array(id), json_array(count(*) || ' request')
FROM (SELECT * FROM asks ORDER BY at, id) WHERE end = 'expired' HAVING count(*) > 0;
INSERT INTO advice SELECT 2, sum(n), 'order.mistaken', json_group_array(incident), json_array(sum(n) || ' order')
FROM (SELECT incident, count(*) AS n FROM issued WHERE mistaken GROUP BY incident ORDER BY incident) HAVING sum(n) > 0;
INSERT INTO advice SELECT 1, events, 'leaver:' || code, json_array(code), json_array(end_date, printf('%d event', events)) FROM gone;
INSERT INTO advice SELECT 2, events, 'unapproved:' || connection,
    (SELECT json_group_array(code) FROM (SELECT DISTINCT code FROM taken t WHERE t.connection = o.connection ORDER BY code)),
    json_array(printf('%d request', events), (SELECT text FROM sizes WHERE sizes.bytes = o.bytes))
FROM (SELECT connection, sum(events) AS events, sum(bytes) AS bytes FROM taken GROUP BY connection) o;
INSERT INTO advice SELECT 3, count(*), 'dormant', json_group_array(code), json_array(count(*) || ' dormant')
FROM (SELECT * FROM dormant ORDER BY resources DESC, last_at, code) HAVING count(*) > 0;
INSERT INTO advice SELECT 4, count(*), 'unused', json_group_array(code), json_array(count(*) || ' kind', '60 days')
FROM (SELECT * FROM unused ORDER BY last, code, class) HAVING count(*) > 0;
INSERT INTO advice SELECT 2, count(*), 'shared', json_group_array(code), json_array(count(*) || ' identit') FROM (
    SELECT code, count(DISTINCT session) AS sessions FROM overlaps GROUP BY code ORDER BY sessions DESC, code) HAVING count(*) > 0;
INSERT INTO advice SELECT 4, (SELECT count(*) FROM running WHERE last_at - started_at > 86400000), 'sessions.long', json_group_array(code),
    json_array((SELECT count(*) FROM running WHERE last_at - started_at > 86400000) || ' session')
FROM (SELECT DISTINCT code FROM running WHERE last_at - started_at > 86400000 ORDER BY code) HAVING count(*) > 0;
INSERT INTO advice SELECT 2, count(*), 'changes.unticketed', json_group_array(event_id), json_array(count(*) || ' change')
FROM (SELECT * FROM changed ORDER BY at, event_id) WHERE fired <> '[]' AND change_id IS NULL AND decision = 'allowed' HAVING count(*) > 0;
INSERT INTO advice SELECT 3, alerts, 'noisy:' || rule, json_array(rule), json_array(printf('%d alert', alerts)) FROM noisy;
INSERT INTO advice SELECT 5, count(*), 'silent', json_group_array(name), json_array(count(*) || ' rule', '8 weeks')
FROM (SELECT name FROM silent ORDER BY name) HAVING count(*) > 0;
INSERT INTO advice SELECT 1, sum(state = 'dead'), 'deliveries:' || target, json_array(target), json_array(sum(state = 'dead') || ' deliver')
FROM sent GROUP BY target HAVING sum(state = 'dead') > 0;
INSERT INTO advice SELECT 2, 1 - share, 'coverage', '[]', json_array(rtrim(rtrim(printf('%.1f', 100 * share), '0'), '.') || ' %')
FROM (SELECT round(avg(events > 0), 4) AS share FROM clock) WHERE share < 0.99;
SELECT 'recommendations', json_group_array(json_object('key', key, 'rank', rank, 'about', json(about), 'text', json(words))) FROM (
    SELECT *, row_number() OVER (ORDER BY urgency, weight DESC, key) AS rank FROM advice ORDER BY rank);
-- What the five sentences of the summary must say.
SELECT 'lines', json_array(
    (SELECT json_array(iif(now > 0, now || ' incident', 'No incident was opened'), 'it was ' || past || ' ') FROM (SELECT
        (SELECT count(*) FROM lives, week WHERE opened_at BETWEEN start AND stop - 1) AS now,
        (SELECT count(*) FROM lives, before WHERE opened_at BETWEEN start AND stop - 1) AS past)),
    (SELECT json_array(iif(now > 0, now || ' incident', 'No incident') , '(' || past || ' the week before',
        iif(rest > 0, rest || ' incident', 'no incident')) FROM (SELECT
        (SELECT count(*) FROM lives, week WHERE closed_at BETWEEN start AND stop - 1) AS now,
        (SELECT count(*) FROM lives, before WHERE closed_at BETWEEN start AND stop - 1) AS past,
        (SELECT count(*) FROM lives, week WHERE opened_at < stop AND ifnull(closed_at, stop) >= stop) AS rest)),
    json((SELECT json_array(iif(delta > 0, identity, 'Nobody''s risk rose'),
        iif(delta > 0, rtrim(rtrim(printf('risk %.1f', score), '0'), '.') || ' (' || level, ''),
        iif(delta > 0, rtrim(rtrim(printf('+%.1f', delta), '0'), '.') || ' in the week', ''),
        (SELECT text FROM sizes WHERE bytes = (SELECT sum(bytes) FROM days WHERE ago < 7)) || ' went out',
        'the week before ' || (SELECT text FROM sizes WHERE bytes = (SELECT sum(bytes) FROM days WHERE ago BETWEEN 7 AND 13)))
        FROM standings ORDER BY delta DESC, code LIMIT 1)),
    json((SELECT json_array(identity, rtrim(rtrim(printf('with %.1f', score), '0'), '.') || ' points (' || level,
        replace((SELECT count(*) FROM standings WHERE score >= 70) || ' identit', '0 identit', 'no identit'),
        (SELECT sum(events) FROM taken) || ' request') FROM standings ORDER BY score DESC, code LIMIT 1)),
    (SELECT json_array((SELECT count(*) FROM advice) || ' action')));
