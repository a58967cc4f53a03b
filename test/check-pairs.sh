#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The memory orders of the library are written down in pairs.  Each atomic operation that orders anything carries a
# tag, in a comment on its own lines or on one of the three lines in front of it:
#
#     /* (A) pairs with (B) in tend__chan_pop: what it publishes */
#
# Several partners stand behind one another: "(A) pairs with (B) in this, (B) in that and (C) in another".  The rule:
#
#  1. Only atomic_*_explicit is used, besides atomic_init: an order is never left to the default.  No fences,
#     which ThreadSanitizer does not model, and no compiler builtins.
#  2. Where the order is not memory_order_relaxed, there is a tag, in the same function.  An order that comes in a
#     variable counts as a strong one.
#  3. For "(A) pairs with (B) in f" some function f of the library has a tag "(B) pairs with (A)" in its body.
. "$(dirname "$0")/checks.sh"

# pairs FILE...
pairs()
{
	awk '
	function complain(where, text)
	{
		print where ": " text
		bad = 1
	}

	# Splits a line into code, its strings emptied, and the text of comments.
	function split_line(line,    i, c, two)
	{
		code = ""
		for (i = 1; i <= length(line); i++) {
			c = substr(line, i, 1)
			two = substr(line, i, 2)
			if (in_comment) {
				if (two == "*/") {
					in_comment = 0
					end_comment()
					i++
				} else {
					comment = comment c
				}
			} else if (quote != "") {
				if (c == "\\")
					i++
				else if (c == quote)
					quote = ""
			} else if (two == "/*") {
				in_comment = 1
				comment = ""
				i++
			} else {
				if (c == "\"" || c == "\047")
					quote = c
				code = code c
			}
		}
		quote = ""
		if (in_comment)
			comment = comment " "
	}

	function add_tag(from, to, partner)
	{
		n_tags++
		tag_at[n_tags] = FILENAME ":" FNR
		tag_from[n_tags] = from
		tag_to[n_tags] = to
		tag_partner[n_tags] = partner
		has_tag[fn, from, to] = 1
		last_tag[FILENAME] = FNR
		last_tag_fn[FILENAME] = fn
	}

	# Takes the tags out of a finished comment.
	function end_comment(    text, from, to, partner)
	{
		text = comment
		gsub(/[ \t]+\*[ \t]+/, " ", text)
		gsub(/[ \t]+/, " ", text)
		while (match(text, /pairs with/)) {
			if (!match(text, /\([A-Z][0-9]*\) pairs with \([A-Z][0-9]*\) in [A-Za-z_][A-Za-z_0-9]*/)) {
				complain(FILENAME ":" FNR, "a tag is (A) pairs with (B) in function")
				return
			}
			text = substr(text, RSTART)
			from = substr(text, 1, index(text, ")"))
			sub(/^\([A-Z][0-9]*\) pairs with /, "", text)
			do {
				to = substr(text, 1, index(text, ")"))
				sub(/^\([A-Z][0-9]*\) in /, "", text)
				match(text, /^[A-Za-z_][A-Za-z_0-9]*/)
				partner = substr(text, 1, RLENGTH)
				text = substr(text, RLENGTH + 1)
				add_tag(from, to, partner)
				more = sub(/^(,| and|, and)( with)? \(/, "(", text)
			} while (more && text ~ /^\([A-Z][0-9]*\) in [A-Za-z_]/)
		}
	}

	# The name of the function whose head or body this line is in.
	function follow_function(    head)
	{
		head = code
		gsub(/__attribute__\(\([^()]*(\([^()]*\))*[^()]*\)\)[ \t]*/, "", head)
		if (head ~ /^[A-Za-z_]/ && match(head, /[A-Za-z_][A-Za-z_0-9]*\(/))
			named = substr(head, RSTART, RLENGTH - 1)
		if (code ~ /^{/)
			fn = named
	}

	function finish_call()
	{
		if (call_text ~ /memory_order_relaxed/ && call_text !~ /memory_order_[acs]|memory_order_release/)
			return
		if (last_tag[FILENAME] >= call_line - 3 && last_tag_fn[FILENAME] == fn && FILENAME in last_tag_fn)
			return
		complain(FILENAME ":" call_line, "an order without its tag")
	}

	function take_code(    rest, depth, i, c)
	{
		rest = code
		if (call_text != "")
			rest = call_text " " rest
		while (call_text != "" || match(rest, /atomic_[a-z_0-9]*\(|__atomic_|__sync_/)) {
			if (call_text == "") {
				rest = substr(rest, RSTART)
				if (rest ~ /^__/ || rest ~ /^atomic_(thread|signal)_fence/) {
					complain(FILENAME ":" FNR, "no fences and no builtins")
					return
				}
				if (rest ~ /^atomic_(init|is_lock_free)\(/) {
					rest = substr(rest, 12)
					continue
				}
				if (rest !~ /^atomic_[a-z_0-9]*_explicit\(/)
					complain(FILENAME ":" FNR, "an order is left to the default")
				call_line = FNR
			}
			call_text = ""
			depth = 0
			for (i = index(rest, "("); i <= length(rest); i++) {
				c = substr(rest, i, 1)
				depth += (c == "(") - (c == ")")
				if (depth == 0)
					break
			}
			call_text = substr(rest, 1, i)
			if (depth > 0)
				return
			rest = substr(rest, i + 1)
			if (call_text ~ /^atomic_[a-z_0-9]*_explicit/)
				finish_call()
			call_text = ""
		}
	}

	FNR == 1 { in_comment = 0; quote = ""; fn = ""; named = ""; call_text = "" }
	{
		split_line($0)
		if (fn == "")
			follow_function()
		if (fn != "" && code ~ /^[{]/)
			is_function[fn] = 1
		take_code()
		if (code ~ /^}/)
			fn = ""
	}
	END {
		for (i = 1; i <= n_tags; i++) {
			what = tag_to[i] " pairs with " tag_from[i]
			if (!(tag_partner[i] in is_function))
				complain(tag_at[i], "there is no function " tag_partner[i])
			else if (!((tag_partner[i], tag_to[i], tag_from[i]) in has_tag))
				complain(tag_at[i], tag_partner[i] " has no tag " what)
		}
		exit bad
	}' "$@"
}

accepts 'control: pairs over two files' pairs "$controls/pairs/good_a.c" "$controls/pairs/good_b.c"
refuses 'a letter whose partner is missing' 'has no tag (B) pairs with (A)' pairs "$controls/pairs/lonely.c"
refuses 'a partner in a function that does not exist' 'no function gone' pairs "$controls/pairs/nowhere.c"
refuses 'an order without a tag' ':14: an order without its tag' pairs "$controls/pairs/untagged.c"
refuses 'a tag too far above' 'an order without its tag' pairs "$controls/pairs/far.c"
refuses 'an order in a variable' 'an order without its tag' pairs "$controls/pairs/variable.c"
refuses 'a default order' 'left to the default' pairs "$controls/pairs/default.c"
refuses 'a fence' 'no fences' pairs "$controls/pairs/fence.c"
refuses 'a misspelt tag' 'a tag is' pairs "$controls/pairs/misspelt.c"

accepts 'lib/' pairs "$top_srcdir"/lib/*.c "$top_srcdir"/lib/*.h
finish
