#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The candidates and ablations of docs/baselines.md, on the 19 public series of the Numenta Anomaly Benchmark.

    python3 -m venv venv && venv/bin/pip install numpy numba && venv/bin/python Benchmarks/baseline_candidates.py

Per method: NAB's standard score with the threshold that is best on all series; with the threshold of each series, and of each
category, chosen on the others; and the alarms. All alarm through the same hold-down. The methods are prototypes; what
`gatewatch baseline` itself scores is what `make nab` prints.
"""
import csv, datetime, gzip, json, math, os, sys
import numba as nb
import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'shared')
sys.path.insert(0, os.path.join(ROOT, 'tools'))
try:
    import score_nab
except ImportError:
    sys.exit(f'skipped: there is no scorer in {ROOT}/tools')
DATA = os.path.join(ROOT, 'data', 'nab')
WARM, UNLEARNED, REST, CLEARLY = 200, 100, 200, 2.0


class Series:
    def __init__(self, rel, windows):
        with score_nab.opn(os.path.join(DATA, 'data', rel)) as file:
            rows = list(csv.DictReader(file))
        times = [r['timestamp'] for r in rows]
        self.category = rel.split('/')[0]
        self.x = np.array([float(r['value']) for r in rows])
        utc = datetime.timezone.utc
        self.t = np.array([datetime.datetime.fromisoformat(t).replace(tzinfo=utc).timestamp() for t in times])
        points, self.spans = score_nab.points(times, windows)
        self.v = np.array([p[0] if p else 0.0 for p in points])
        self.w = np.array([-2 if p is None else -1 if p[1] is None else p[1] for p in points])


@nb.njit(cache=True)
def insert(order, count, value):
    at = np.searchsorted(order[:count], value)
    for j in range(count, at, -1):
        order[j] = order[j - 1]
    order[at] = value


@nb.njit(cache=True)
def spread(x):
    order, out = np.empty(len(x)), np.ones(len(x))
    for i in range(len(x)):
        if i > 0:
            out[i] = max(order[int(i * 0.95)] - order[int(i * 0.05)], 1e-12)
        insert(order, i, x[i])
    return out


@nb.njit(cache=True)
def surprise(a, floor, share):
    """-log10 of the tail probability by a's own past, a Hill tail beyond its highest `share`."""
    order, out, m = np.empty(len(a)), np.zeros(len(a)), 0
    for i in range(len(a)):
        if m >= 50:
            h = min(max(10, int(m * share)), m - 1)
            edge = order[m - 1 - h]
            if a[i] <= edge:
                out[i] = -np.log10((1.0 + m - np.searchsorted(order[:m], a[i])) / (1.0 + m))
            else:
                g = 0.0
                for j in range(m - h, m):
                    g += np.log((order[j] + floor[i]) / (edge + floor[i]))
                out[i] = -np.log10(h / m) + np.log10((a[i] + floor[i]) / (edge + floor[i])) / max(g / h, 0.05)
        if i >= UNLEARNED:
            insert(order, m, a[i])
            m += 1
    return np.maximum(out, 0)


@nb.njit(cache=True)
def nearest(v):
    n, d = v.shape
    out = np.zeros(n)
    for i in range(1, n):
        best = 1e300
        for j in range(i):
            s = 0.0
            for k in range(d):
                e = v[i, k] - v[j, k]
                s += e * e
                if s >= best:
                    break
            best = min(best, s)
        out[i] = np.sqrt(best / d)
    return out


@nb.njit(cache=True)
def nearest_at_time(x, phase, scale):
    out = np.zeros(len(x))
    for i in range(1, len(x)):
        best = 1e300
        for j in range(i):
            e = x[i] - x[j]
            s = e * e
            if s < best:
                apart = abs(phase[i] - phase[j])
                away = min(apart, 1 - apart) * 2 * 5 * scale[i]
                best = min(best, s + away * away)
        out[i] = np.sqrt(best)
    return out


@nb.njit(cache=True)
def outside(x):
    out, low, high = np.zeros(len(x)), x[0], x[0]
    for i in range(1, len(x)):
        if high > low:
            out[i] = max(x[i] - high, low - x[i], 0.0) / (high - low)
        low, high = min(low, x[i]), max(high, x[i])
    return out


@nb.njit(cache=True)
def residual(x, slot, slots):
    mean, count, total, out = np.zeros(slots), np.zeros(slots), 0.0, np.zeros(len(x))
    for i in range(len(x)):
        k = slot[i]
        every = total / i if i else x[i]
        out[i] = x[i] - (mean[k] * count[k] + every * 5) / (count[k] + 5)
        mean[k] += (x[i] - mean[k]) / (count[k] + 1)
        count[k] = min(count[k] + 1, 200)
        total += x[i]
    return out


@nb.njit(cache=True)
def rolling(x, length, kind, floor):
    """|z|: 0 by mean and deviation, 1 by median and MAD; floor is a share of the whole past's deviation."""
    out = np.zeros(len(x))
    for i in range(30, len(x)):
        past = x[max(0, i - length):i]
        if kind == 0:
            center, scale = past.mean(), past.std()
        else:
            center = np.median(past)
            scale = 1.4826 * np.median(np.abs(past - center))
        out[i] = abs(x[i] - center) / max(scale, floor * x[:i].std(), 1e-9)
    return out


@nb.njit(cache=True)
def ewma(x, rate):
    out, level = np.zeros(len(x)), x[0]
    for i in range(len(x)):
        out[i] = abs(x[i] - level)
        level += rate * (x[i] - level)
    return out


def mean(x, length):
    sums = np.concatenate([[0.0], np.cumsum(x)])
    i = np.arange(1, len(x) + 1)
    start = np.maximum(i - length, 0)
    return (sums[i] - sums[start]) / (i - start)


def runs(x, length):
    return np.stack([np.concatenate([np.full(k, x[0]), x[:len(x) - k]]) for k in range(length)], 1)


def squeezed(x, c):
    first = x[:WARM]
    unit = np.quantile(first, 0.9) - np.quantile(first, 0.1)
    return np.arcsinh((x - np.median(first)) / (c * (unit if unit > 0 else max(abs(np.median(first)) / 10, 1e-9))))


def views(s, c=1.0, share=0.05):
    y = squeezed(s.x, c) if c else s.x
    scale = spread(y)
    hour = (s.t // 3600).astype(np.int64)
    weekly, daily = residual(y, (hour + 72) % 168, 168), residual(y, hour % 24, 24)
    day = max(1, int(round(86400 / np.median(np.diff(s.t)))))
    so_far = np.concatenate([[y[0]], np.cumsum(y)[:-1] / np.arange(1, len(y))])
    statistics = {
        'run1': nearest(runs(y, 1)), 'run2': nearest(runs(y, 2)), 'run3': nearest(runs(y, 3)),
        'outside': outside(y) * scale, 'time': nearest_at_time(y, s.t % 86400 / 86400, scale),
        'week48': abs(mean(weekly, 48)), 'weekday': abs(mean(weekly, day)), 'day48': abs(mean(daily, 48)),
        'week1': abs(weekly), 'day1': abs(daily), 'level': abs(y - so_far), 'level24': abs(mean(y, 24) - so_far),
        'ewma': ewma(y, 0.05), 'step': abs(np.diff(y, prepend=y[0])),
    }
    if c == 0:
        statistics['run12'], statistics['run36'] = nearest(runs(y, 12)), nearest(runs(y, 36))
    ready = np.arange(len(y)) >= WARM
    return {k: surprise(a, np.maximum(0.02 * scale, 1e-12), share) * ready for k, a in statistics.items()}


SUDDEN, SUSTAINED = ['run1', 'run2', 'run3', 'time', 'outside'], ['week48', 'weekday', 'day48']


def together(v, sudden, sustained, weight):
    total = sum(v[k] for k in sudden) * 5 / len(sudden)
    if sustained:
        total = np.maximum(total, sum(v[k] for k in sustained) * 3 / len(sustained))
    return total - weight * 5 / 3 * np.log10(np.maximum(np.arange(len(total)), 100) / 1000)


@nb.njit(cache=True)
def gain(z, w, v, threshold, rest, clearly):
    """What the alarms are worth above none at all, and how many they are."""
    last, strength, total, count, best = -10**9, 0.0, 0.0, 0, np.full(10, -1.0)
    for i in range(len(z)):
        if z[i] >= threshold and (i - last > rest or z[i] >= strength + clearly):
            last, strength = i, z[i]
            if w[i] == -2:
                continue
            count += 1
            if w[i] == -1:
                total += 0.11 * v[i]
            elif v[i] > best[w[i]]:
                total += v[i] - best[w[i]]
                best[w[i]] = v[i]
    return total, count


def curve(series, scores, clearly=CLEARLY, rest=REST):
    pool = np.concatenate([z[s.w > -2] for s, z in zip(series, scores)])
    grid = np.linspace(*np.quantile(pool, [0.97, 0.9995]), 100)
    cells = np.array([[gain(z, s.w, s.v, t, rest, clearly) for t in grid] for s, z in zip(series, scores)])
    return cells[:, :, 0], cells[:, :, 1].sum(0)


def best(total):
    return np.convolve(np.pad(total, 2, mode='edge'), np.ones(5) / 5, 'valid').argmax()


def report(series, name, scores, **hold):
    gains, alarms = curve(series, scores, **hold)
    top = 2 * sum(len(s.spans) for s in series)
    categories = np.array([s.category for s in series])
    at = gains.sum(0).argmax()
    one = sum(gains[i, best(gains.sum(0) - gains[i])] for i in range(len(series)))
    group = sum(gains[categories == c][:, best(gains[categories != c].sum(0))].sum() for c in set(categories))
    print(f'| {name} | {100 * gains[:, at].sum() / top:.1f} | {100 * one / top:.1f} | {100 * group / top:.1f} '
          f'| {alarms[at]:.0f} |', flush=True)
    return gains


def main():
    with open(os.path.join(DATA, 'combined_windows.public.json')) as file:
        windows = json.load(file)
    series = [Series(rel, windows[rel]) for rel in sorted(windows)]
    raw = [views(s, c=0) for s in series]
    chosen = [views(s) for s in series]
    print('| method | best threshold | leave series out | leave category out | alarms |\n| --- | --- | --- | --- | --- |')
    for name, length, kind, floor in (
            ('rolling z, 300 points', 300, 0, 0.02), ('rolling z, all points (Gaussian)', 10**6, 0, 0.02),
            ('rolling median and MAD, 300 points, no floor', 300, 1, 0.0),
            ('rolling median and MAD, 300 points, floor 0.3 deviations', 300, 1, 0.3)):
        report(series, name, [rolling(s.x, length, kind, floor) for s in series])
    for name, key in (
            ('distance from an EWMA (1/20), own tail', 'ewma'), ('step from the point before, own tail', 'step'),
            ('distance from the mean, own tail (quantile)', 'level'),
            ('mean of 24 points from the mean, own tail', 'level24'),
            ('hour of day taken out, own tail', 'day1'), ('hour of week taken out, own tail', 'week1'),
            ('mean of 48 points, hour of week taken out, own tail', 'week48'),
            ('outside of the range, own tail', 'outside'), ('nearest past value, own tail', 'run1'),
            ('nearest past run of 3 (KNN-CAD-like), own tail', 'run3'), ('nearest past run of 12, own tail', 'run12'),
            ('nearest past run of 36 (discord), own tail', 'run36')):
        report(series, name, [v[key] for v in raw])
    report(series, 'sum of all of these', [sum(v.values()) for v in raw])
    report(series, 'sudden views, raw values', [together(v, SUDDEN, [], 0) for v in raw])
    report(series, 'sudden views, squeezed values', [together(v, SUDDEN, [], 0) for v in chosen])
    report(series, 'and with the length of the past', [together(v, SUDDEN, [], 1) for v in chosen])
    final = [together(v, SUDDEN, SUSTAINED, 1) for v in chosen]
    report(series, '**and with the sustained views: the method**', final)
    family = {'method': final}
    for key in SUDDEN:
        name = f'the method without `{key}`'
        family[name] = [together(v, [k for k in SUDDEN if k != key], SUSTAINED, 1) for v in chosen]
    for key in SUSTAINED:
        name = f'the method without `{key}`'
        family[name] = [together(v, SUDDEN, [k for k in SUSTAINED if k != key], 1) for v in chosen]
    family['the method with `level24`'] = [together(v, SUDDEN + ['level24'], SUSTAINED, 1) for v in chosen]
    family['the method without the length of the past'] = [together(v, SUDDEN, SUSTAINED, 0) for v in chosen]
    family['the method on raw values'] = [together(v, SUDDEN, SUSTAINED, 1) for v in raw]
    for c in (0.5, 2.0):
        family[f'the method squeezed beyond {c} spreads'] = [
            together(views(s, c=c), SUDDEN, SUSTAINED, 1) for s in series]
    for share in (0.02, 0.1):
        family[f'the method with the highest {share} as tail'] = [
            together(views(s, share=share), SUDDEN, SUSTAINED, 1) for s in series]
    for name, scores in list(family.items())[1:]:
        report(series, name, scores)
    for rest, clearly in ((0, 0.0), (100, 2.0), (400, 2.0), (200, 99.0)):
        report(series, f'the method, rest {rest} points, again {clearly} above', final, rest=rest, clearly=clearly)
    # Method and threshold chosen together without the category on which they are scored.
    family['sudden views, raw values'] = [together(v, SUDDEN, [], 0) for v in raw]
    family['sudden views, squeezed values'] = [together(v, SUDDEN, [], 1) for v in chosen]
    curves = {name: curve(series, scores)[0] for name, scores in family.items()}
    categories = np.array([s.category for s in series])
    nested = 0.0
    for c in sorted(set(categories)):
        inside = categories == c
        pick = max(curves, key=lambda name: np.convolve(curves[name][~inside].sum(0), np.ones(5) / 5, 'valid').max())
        nested += curves[pick][inside][:, best(curves[pick][~inside].sum(0))].sum()
    print(f'method and threshold chosen on the other categories: '
          f'{100 * nested / (2 * sum(len(s.spans) for s in series)):.1f}')


if __name__ == '__main__':
    main()
