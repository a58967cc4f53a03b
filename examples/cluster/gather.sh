#!/bin/sh
# SPDX-License-Identifier: MIT
# One table of many reports: a line for each, with what is null left empty.
jq -r '[input_filename, .outcome, .exit_code, .signal, .stop.phase, (.survivors | length), .duration_ms] | @tsv' "$@"
