# SPDX-License-Identifier: MIT
# How the models are built; sourced by check-model.sh and mutants.sh, with $src (the tree) and $work (a folder) set.
#
# What is explored is compiled from lib/ as it ships: hook.h in front, for the atomic accesses, and -fsanitize=thread,
# for the plain ones; nothing of a sanitizer's run-time library is linked.  What a compiler leaves behind on stacks and
# in registers is a part of the states that are compared: -Og leaves less than -O0, and -O1 in the explorer itself much
# less than -O2, with which there are twenty times as many states.
#
# shellcheck disable=SC2034,SC2086,SC2154 # several words; $src and $work are the caller's

: "${CC:=cc}"
programs='model_chan model_pool model_attach model_end model_consume'
explorer='explore program states locals heap memory order system descriptors instrument'
explored='chan chunk clock consume opts publish reader replay slots stream sub wake'
build_flags="-std=gnu11 -D_GNU_SOURCE -g -fno-stack-protector -U_FORTIFY_SOURCE -I$src/model/stub -I$src/include"
hooked_flags="$build_flags -Og -fsanitize=thread -include $src/model/hook.h -iquote $src/lib -iquote $src/model"

# can_build: whether the compiler can put calls in front of plain accesses
can_build()
{
	echo 'int x; int f(void) { return x; }' >"$work/can.c" &&
		compile_hooked "$work/can.c" "$work/can.o" 2>/dev/null
}

# compile_hooked FILE OBJECT: calls of memcpy() and its like are hooked, too, also those that the compiler has put there
compile_hooked()
{
	$CC $hooked_flags -c "$1" -o "$2" &&
		${OBJCOPY:-objcopy} --redefine-sym memcpy=__tsan_memcpy --redefine-sym memmove=__tsan_memmove \
			--redefine-sym memset=__tsan_memset "$2"
}

# build_all: into $work
build_all()
{
	for name in $explorer; do
		$CC $build_flags -O1 -c "$src/model/$name.c" -o "$work/$name.o" || return 1
	done
	for name in $explored; do
		compile_hooked "$src/lib/$name.c" "$work/lib_$name.o" || return 1
	done
	for name in $programs streams; do
		compile_hooked "$src/model/$name.c" "$work/$name.o" || return 1
	done
	(cd "$work" && ar -qc all.a lib_*.o streams.o) || return 1
	for name in $programs; do
		link "$name" "$work/$name" || return 1
	done
}

# link PROGRAM OUTPUT [OBJECT]: the object stands for what lib/ has of the same functions
link()
{
	objects=
	for name in $1 $explorer; do
		objects="$objects $work/$name.o"
	done
	$CC $objects ${3:-} "$work/all.a" -o "$2"
}
