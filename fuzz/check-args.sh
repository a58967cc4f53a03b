#!/bin/sh
# SPDX-License-Identifier: MIT
# Planted bugs in the parsers of the tool's arguments, which their corpus has to find.
#
# usage: check-args.sh [SRCDIR]
set -eu
. "$(dirname "$0")/planting.sh"

also fuzz/args_oracle fuzz/fuzz_args fuzz/replay
plan tools options run_options run_specs duration signal_name

plant 'an empty name is taken' run_options "$(within set_name "s/value\[0\] == '.0'/false/")"
plant 'no time at all is a limit' run_options "$(within set_positive 's/ns == 0/false/')"
plant 'a file without a name is taken' options "$(within options_file "s/value\[0\] == '.0'/false/")"
plant 'one duration is enough for a drain' run_options "$(within set_drain 's/!comma/false/; s/comma \+ 1/value/g')"
plant 'a drain has two durations of one length' run_options \
	"$(within set_drain 's/drain_total_ns/drain_idle_ns/')"
plant 'the first expression counts' run_options "$(within set_ready 's/^\to->ready_text = value;//')"
plant 'letters behind the first one are left out' options \
	"$(within take_letters 's/; \*c; c\+\+\)/; c < arg + 2; c++)/')"
plant 'a value where there is none' options "$(within take 's/!option->value && equals/false/')"
plant 'a value begins with the =' options "$(within take 's/equals \+ 1/equals/')"
plant 'the command is taken for a value' options "$(within take 's/equals \? equals \+ 1 : //')"
plant 'a single subscriber is given a second one' run_options \
	"$(within check_single 's/TEND_BROADCAST \|\|/TEND_SINGLE_SUBSCRIBER ||/')"
plant 'only stdout is looked at' run_options "$(within check_single 's/i < 2/i < 1/')"
plant 'what looks has nothing to look at' run_options \
	"$(within check_idle 's/looks \&\& !streams/false/')"
plant 'a log needs no stream' run_options "$(within looks_at_both 's/o->log_file \?/false ?/')"
plant 'no command' run_options "$(within settle 's/!o->argv\[0\]/false/')"
plant 'ready, and for what' run_options "$(within settle 's/!o->has_ready/false/')"
plant '-- is the command' options "$(within options_take 's/return i \+ 1;/return i;/')"
plant '- is an option' options "$(within options_take "s/ \&\& argv\[i\]\[1\] != '.0'//")"
plant 'help is an option like others' options "$(within options_take 's/if \(\*stop\)/if (false)/')"
plant 'a separator is part of the next piece' run_specs "$(within cut 's/\(end \? 1 : 0\)/0/')"
plant 'the beginning of a word will do' run_specs "$(within is 's/strlen\(word\) == p\.size/strlen(word) >= p.size/')"
plant 'a number may end in letters' run_specs \
	"$(within parse_number 's/!isdigit.*mul_overflow/__builtin_mul_overflow/')"
plant 'a big number is a small one' run_specs \
	"$(within parse_number 's/__builtin_mul_overflow\(n, 10, &n\)/(n *= 10, false)/')"
plant 'less than the least' run_specs "$(within run_count_parse 's/n < least/n + 1 < least/')"
plant 'one more than the most' run_specs "$(within run_count_parse 's/n > most/n > most + 1/')"
plant 'KILL is a phase' run_specs "$(within parse_signal 's/n == SIGKILL/false/')"
plant 'STOP ends a program' run_specs "$(within parse_signal 's/n == SIGSTOP/false/')"
plant 'the leader is everybody' run_specs "$(within parse_target 's/TEND_LEADER/TEND_GROUP/')"
plant 'a target that there is not' run_specs "$(within parse_phase 's/has_target \&\&/false \&\&/')"
plant 'a phase too many' run_specs "$(within run_plan_parse 's/== TEND_MAX_STOP_PHASES/== TEND_MAX_STOP_PHASES - 1/')"
plant 'an end that is cut off' run_specs \
	"$(within run_plan_parse 's/^\t\tmore = .*/\t\tmore = rest.size \&\& memchr(rest.text, 44, rest.size - 1);/')"
plant 'a KiB is a thousand' run_specs "$(within parse_size 's/"KiB", 1 << 10/"KiB", 1000/')"
plant 'a size that does not fit' run_specs \
	"$(within parse_size 's/!__builtin_mul_overflow.*;/(*ret_n = n * units[i].factor, true);/')"
plant 'a replay of nothing' run_specs "$(within set_replay 's/ \&\& n > 0//g')"
plant 'bytes are chunks' run_specs "$(within set_replay 's/TEND_REPLAY_BYTES/TEND_REPLAY_CHUNKS/')"
plant 'a chunk of nothing' run_specs "$(within set_chunk 's/>= 1/>= 0/')"
plant 'a chunk that is too big' run_specs \
	"$(within set_chunk 's/<= TEND_MAX_READ_CHUNK_SIZE/<= TEND_MAX_READ_CHUNK_SIZE + 1/')"
plant 'no depth' run_specs "$(within set_depth 's/>= 1/>= 0/')"
plant 'too much depth' run_specs \
	"$(within set_depth 's/<= TEND_MAX_MAX_BUFFERED_CHUNKS/<= TEND_MAX_MAX_BUFFERED_CHUNKS + 1/')"
plant 'the last setting alone counts' run_specs \
	"$(within run_output_parse 's/\t\t\tif \(parse_setting/\t\t\toutput.stream = run_default_stream;\n&/')"
plant 'a minute is an hour' duration 's/"m", INT64_C\(60000000000\)/"m", INT64_C(3600000000000)/'
plant 'a fraction is ten times as much' duration "$(within fraction 's/unit \/ 10;/unit;/')"
plant 'a point without digits' duration "$(within duration_parse 's/part == 0/false/')"
plant 'a fraction without a number' duration "$(within duration_parse 's/whole == 0/false/')"
plant 'seconds need no unit' duration \
	"$(within duration_parse 's/point == size/false/; s/(= )(find_unit)/\1point == size ? units + 1 : \2/')"
plant 'too long for a duration' duration "$(within duration_parse 's/ \|\| n > TEND_DURATION_MAX - unit->ns//')"
plant 'a number is no signal' signal_name "$(within signal_number 's/isdigit\(.*\[0\]\)/0/')"
plant 'a signal beyond the last one' signal_name "$(within plain_number 's/n <= SIGRTMAX \? n : 0/n/')"
plant 'names are in capitals' signal_name "$(within signal_number 's/strcasecmp\(wanted/strcmp(wanted/')"
plant 'SIG twice' signal_name "$(within signal_number 's/strncasecmp\(wanted, "SIG", 3\) != 0/1/')"
plant 'no real-time signals' signal_name "$(within signal_number 's/ \|\| n >= SIGRTMIN//')"

plant 'a cgroup is a group' run_specs "$(within parse_target 's/TEND_CGROUP/TEND_GROUP/')"
plant 'a log of stdout is one of stderr' run_options "$(within set_log_stdout 's/\[0\]/[1]/')"
plant 'a log of one stream may look at nothing' run_options "$(within check_idle 's/!o->log_files\[i\] \|\|/true ||/')"
plant 'a log of one stream makes both streams' run_options "$(within looks_at 's/log_files\[i\] \?/log_files[0] ?/')"
plant 'an empty prefix is taken' run_options "$(within set_prefix "s/value\[0\] == '.0'/false/")"
plant 'a prefix takes the next word' options "$(within take 's/option->value_is_attached \&\& !equals/false/')"
plant 'the first prefix counts' run_options \
	"$(within set_prefix 's/o->prefix = value;/o->prefix = o->prefix ? o->prefix : value;/')"
plant 'a prefix needs no stream' run_options "$(within changes_lines 's/o->has_prefix \?/false ?/')"
plant 'time needs no stream' run_options "$(within changes_lines 's/o->timestamps \?/false ?/')"
plant 'stdin tells that it is ready' run_options "$(within set_ready_fd 's/value, 1,/value, 0,/')"
plant 'no scope is a scope' run_specs "$(within run_scope_parse 's/TEND_SCOPE_NONE/TEND_SCOPE_GROUP/')"
plant 'restarts with a limit have none' run_specs "$(within parse_restart_setting 's/&r->max/\&(size_t){ 0 }/')"
plant 'never is a failure' run_specs "$(within run_restart_parse 's/"never"/"newer"/')"
plant 'never has settings' run_specs "$(within run_restart_parse 's/ \&\& !more//')"
plant 'on failure without a pause' run_specs "$(within run_restart_parse 's/INT64_C\(1000000000\)/0/')"
plant 'no restart is a limit' run_specs "$(within parse_restart_setting 's/>= 1/>= 0/')"

finish
