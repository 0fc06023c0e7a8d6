SELECT 'appendix', json_object(
    'integrity', (SELECT json_object('rows', rows, 'hash', (SELECT hash FROM hub.evidence WHERE sequence = rows), 'fits', 1,
        'signed_to', (SELECT max(sequence) FROM hub.evidence_heads WHERE sequence <= rows))
        FROM (SELECT count(*) AS rows FROM hub.evidence, week WHERE at < stop)),
    'thresholds', (SELECT json_group_array(json_object('name', column1, 'value', column2)) FROM (
        SELECT * FROM (VALUES ('levels of risk', 'low from 20, medium from 40, high from 70, critical from 90'),
            ('half-life of risk, where a rule says nothing', '7 d'), ('identity is dormant, kind of asset unused after', '60 quiet days'),
            ('session is long after', '1 d'), ('rule is noisy from', '50 alerts a week, or 15 % false of at least 5 judged'),
            ('rule is silent after', '8 weeks without an alert'), ('coverage is stated first below', '99 %'))
        UNION ALL SELECT * FROM (SELECT name, level || ', ' || status FROM rules ORDER BY name))));
