#!/bin/bash
# Submits one round: an array that scans, then a job that joins. By hand, or by the scrontab beside this.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LRDOCTOR_RUNS=${LRDOCTOR_RUNS:-/data/runs}
export LRDOCTOR_STATE=${LRDOCTOR_STATE:-$HOME/lrdoctor}
export LRDOCTOR_SHARDS=${LRDOCTOR_SHARDS:-16}

mkdir -p "$LRDOCTOR_STATE"
cd "$LRDOCTOR_STATE"
# singleton: a round waits for the one before. afterany: what one shard could not do is not lost for all.
scan=$(sbatch --parsable --dependency=singleton --array="1-$LRDOCTOR_SHARDS" "$here/slurm-scan.sh")
sbatch --parsable --dependency="afterany:${scan%%;*}" "$here/slurm-merge.sh"
