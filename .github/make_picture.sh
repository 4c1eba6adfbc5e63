#!/usr/bin/env bash
# Makes the README's picture of the report from sample_runs/. Needs Debian's chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

lrdoctor analyze sample_runs/onecycle-wrong-peak sample_runs/onecycle-healthy \
    --fail-on never --report "$scratch/report.html" >/dev/null
chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$scratch/profile" \
    --window-size=1080,1500 --screenshot="$PWD/.github/report.png" "file://$scratch/report.html"
