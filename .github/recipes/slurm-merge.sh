#!/bin/bash
#SBATCH --job-name=lrdoctor-merge
#SBATCH --time=00:30:00
#SBATCH --output=%x.log
#SBATCH --open-mode=append
# Joins the states of the array and makes the index of the report over all of them.
set -euo pipefail
: "${LRDOCTOR_STATE:?the folder of the states}"

lrdoctor merge "$LRDOCTOR_STATE/fleet.sqlite" "$LRDOCTOR_STATE"/part*.sqlite --fail-on never
exec lrdoctor history --state "$LRDOCTOR_STATE/fleet.sqlite" --report-dir "$LRDOCTOR_STATE/report"
