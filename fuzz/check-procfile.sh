#!/bin/sh
# SPDX-License-Identifier: MIT
# Planted bugs in what reads Procfiles, which their corpus has to find.
#
# usage: check-procfile.sh [SRCDIR]
set -eu
. "$(dirname "$0")/planting.sh"

also fuzz/fuzz_procfile fuzz/replay
plan tools procfile words

plant 'lines are counted from 0' procfile "$(within parse 's/unsigned line = 1/unsigned line = 0/')"
plant 'a comment is an entry' procfile "$(within parse "s/ \&\& at\[0\] != '#'//")"
plant 'a NUL ends a line' procfile "$(within parse 's/strlen\(at\) < /false \&\& 0 < /')"
plant 'a CR is part of the command' procfile "$(within trim 's/" .t.r"/" \\t"/')"
plant 'blanks in front are part of the name' procfile "$(within trim 's/text \+= strspn.*;/(void)0;/')"
plant 'a name may have any letter' procfile \
	"$(within is_process_name 's/strspn\(name, letters\) == strlen\(name\)/true/')"
plant 'a name may be empty' procfile "$(within is_process_name 's/name\[0\] \&\& //')"
plant 'a command may be empty' procfile "$(within take_process "s/entry.value\[0\] == '.0'/false/")"
plant 'a name may be there twice' procfile "$(within take_process 's/if \(find\(p, text\)\)/if (false)/')"
plant 'the first value counts' procfile \
	"$(within take_variable 's/\*old = entry;/(void)0;/; s/old = find\(p, text\)/old = NULL/')"
plant 'a variable has any name' procfile \
	"$(within take_variable "s/size == 0 \|\| text\[size\] != '='/text[size] != '='/")"
plant 'blanks separate nothing' words "$(within take "s/c == ' ' \|\|/false ||/")"
plant 'tabs separate nothing' words "$(within take "s/ \|\| c == '.t'//")"
plant 'empty words are none' words "$(within take_double 's/int r = add\(s, "", 0\)/int r = 0/')"
plant 'a quote within a word begins one' words "$(within take_single 's/\tr = add/\tr = end_word(s); r = add/')"
plant 'a backslash stays' words "$(within take_double 's/s->at \+= is_escape;/(void)is_escape;/')"
plant 'every backslash goes' words "$(within take_double "s/ \&\& strchr\(.*s->at\[1\]\);/;/")"
plant 'blanks in values separate nothing' words "$(within add_value 's/quoted \|\|/true ||/')"
plant 'blanks in quoted values separate' words \
	"$(within take_double 's/take_dollar\(s, true\)/take_dollar(s, false)/')"
plant 'an escaped blank separates' words \
	"$(within take_escaped 's/return add\(s, s->at\+\+, 1\)/return s->at++, end_word(s)/')"
plant 'a pipe is a word' words "$(within take_plain 's/"\|\&/"\&/')"
plant 'a semicolon is a word' words "$(within take_plain 's/;<>/<>/')"
plant 'a command in quotes is plain text' words "$(within take_double "s/\*s->at == '.'\)/false)/")"
plant 'a command in a variable is plain text' words "$(within take_dollar "s/\*s->at == '\('/false/")"
plant 'the braces are part of the name' words "$(within take_braces 's/s->at = end \+ 1/s->at = end/')"
plant 'a command need not be there' words "$(within words_split 's/s.n_words == 0/false/')"
plant 'exec is a program' words "$(within make_lists 's/strcmp\(ret_words->argv\[0\], "exec"\) == 0/false/')"
plant 'the last word is lost' words "$(within words_split 's/r = end_word\(&s\)/s.n_words += 0/')"
plant 'plain commands are refused' words "$(within begin_word "s/'#'\)/'#' || *s->at == '.')/")"

finish
