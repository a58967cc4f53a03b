#!/bin/sh
# SPDX-License-Identifier: MIT
# Explores the channel that ships, and then lets the explorer prove itself on planted bugs.
set -eu
src=$(cd "${top_srcdir:-${srcdir:-.}}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/tend-model.XXXXXX")
trap 'rm -rf "$work"' EXIT
sh "$src/model/build.sh" "$src" "$src/lib" "$work" "$work/explore"
"$work/explore"
sh "$src/model/mutants.sh" "$src"
