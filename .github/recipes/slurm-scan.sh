#!/bin/bash
#SBATCH --job-name=lrdoctor-scan
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --output=%x-%a.log
#SBATCH --open-mode=append
# One task of the array that slurm-submit.sh submits: its part of the runs, into a state of its own.
# A task that is preempted and requeued goes on where it stopped.
set -euo pipefail
: "${LRDOCTOR_RUNS:?the folder of the runs}" "${LRDOCTOR_STATE:?a folder for states and report}"
: "${LRDOCTOR_SHARDS:?the number of parts}"  # not SLURM_ARRAY_TASK_COUNT: one task may be run again

shard=$SLURM_ARRAY_TASK_ID
exec lrdoctor scan "$LRDOCTOR_RUNS" --shard "$shard/$LRDOCTOR_SHARDS" \
    --state "$LRDOCTOR_STATE/part$shard.sqlite" --report-dir "$LRDOCTOR_STATE/report" \
    --jobs "${SLURM_CPUS_PER_TASK:-1}" --fail-on never --allow-empty -q
