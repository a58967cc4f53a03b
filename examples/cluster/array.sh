#!/bin/sh
# SPDX-License-Identifier: MIT
# An array job for Slurm.  Each task of it is a step that tend sees to its end, with a report of its own.
#SBATCH --array=0-3
#SBATCH --output=part-%a.out
srun tend run --stop TERM:20s --report "report-$SLURM_ARRAY_TASK_ID.json" -- ./part "$SLURM_ARRAY_TASK_ID"
