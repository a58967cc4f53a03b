#!/bin/sh
# SPDX-License-Identifier: MIT
# A batch job for Slurm that is one program.  tend takes the place of the script's shell, so what Slurm sends to the
# script is sent to tend, and to nobody else.  It is sent a minute before the time is over: the plan may take that long.
#SBATCH --time=2
#SBATCH --signal=B:TERM@60
exec tend run --stop TERM:50s --report alone.json -- ./program
