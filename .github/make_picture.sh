#!/usr/bin/env bash
# Makes the README's pictures from sample_runs/. Needs lrdoctor on the path and Debian's chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

picture() { # page, height, file
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --hide-scrollbars --user-data-dir="$scratch/profile" --window-size="1080,$2" \
        --screenshot="$PWD/.github/$3" "file://$1" 2>/dev/null
}

cd sample_runs
lrdoctor analyze onecycle-wrong-peak schedule-exhausted onecycle-healthy --fail-on never \
    --report "$scratch/report.html" >/dev/null
lrdoctor compare onecycle-wrong-peak onecycle-healthy --html "$scratch/compare.html" >/dev/null
cd ..
picture "$scratch/report.html" 1720 report.png
picture "$scratch/compare.html" 1180 compare.png
