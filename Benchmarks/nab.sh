#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Scores `gatewatch baseline` on the 19 series of the Numenta Anomaly Benchmark beside the project.
#   Benchmarks/nab.sh [PROGRAM [SCORES]]     the program to run; a folder to keep the scores in
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
program=${1:-$here/.build/release/gatewatch}
data=$here/../shared/data/nab
score=$here/../shared/tools/score_nab.py

if [ ! -d "$data/data" ] || [ ! -f "$score" ]; then
    echo "skipped: the series are not at $data, or their scorer is not at $score"
    exit 0
fi
if [ ! -x "$program" ]; then
    echo "there is no $program: run make build first" >&2
    exit 3
fi
scores=${2:-}
if [ -z "$scores" ]; then
    scores=$(mktemp -d)
    trap 'rm -rf "$scores"' EXIT
fi
for file in "$data"/data/*/*.csv*; do
    name=$(basename "$file" .gz)
    category=$(basename "$(dirname "$file")")
    mkdir -p "$scores/$category"
    # NAB names the last column otherwise.
    "$program" baseline --input "$file" --time-field timestamp --value-field value 2>/dev/null |
        sed '1s/score$/anomaly_score/' >"$scores/$category/$name"
done
echo "threshold 0.5, the shipped one:"
python3 "$score" --data "$data/data" --windows "$data/combined_windows.public.json" --scores "$scores" \
    --threshold 0.5 --profile standard --per-category
echo "the best threshold for each profile:"
python3 "$score" --data "$data/data" --windows "$data/combined_windows.public.json" --scores "$scores"
