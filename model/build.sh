#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the channel's explorer: build.sh SRCDIR FOLDER OBJECTS OUTPUT.  FOLDER holds chan.c and wake.c as they ship,
# or mutated ones; headers and all else come from SRCDIR.  What does not depend on FOLDER is compiled once into OBJECTS.
set -eu
src=$1 folder=$2 objects=$3 out=$4
flags="-std=gnu11 -D_GNU_SOURCE -O1 -U_FORTIFY_SOURCE -I$src/include -I$src/lib"
if [ ! -f "$objects/model_chan.o" ]; then
	${CC:-cc} $flags -c "$src/model/explore.c" -o "$objects/explore.o"
	${CC:-cc} $flags -include "$src/model/hook.h" -c "$src/model/model_chan.c" -o "$objects/model_chan.o"
fi
for file in chan wake; do
	${CC:-cc} $flags -include "$src/model/hook.h" -c "$folder/$file.c" -o "$out.$file.o"
done
${CC:-cc} "$objects/explore.o" "$objects/model_chan.o" "$out.chan.o" "$out.wake.o" -o "$out"
