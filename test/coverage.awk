# SPDX-License-Identifier: MIT
# Reads a list of what need not be reached, as test/coverage.list, and then what "gcov -b -c -t" says of as many objects
# as there are; prints how much of each file below lib/ was reached.  A source may be in several objects, as lib/sys.c,
# which test/fault.c includes: what was reached in one of them was reached.
#
# What an entry excuses counts neither as reached nor as unreached.  Exit status 1 for fewer than all lines or 95 % of
# the branches of all files, and for an entry that names nothing, or what is reached after all.
#
# -v detail=FILE   gets what is neither reached nor excused, as FILE:LINE: text

function complain(text)
{
	print text
	bad = 1
}

function trimmed(s)
{
	gsub(/[ \t]+/, " ", s)
	gsub(/^ | $/, "", s)
	return s
}

# ---- the list ----

FILENAME == ARGV[1] && (/^#/ || /^$/) { next }

# A reason is for all entries in front of it.
FILENAME == ARGV[1] && /^\t/ {
	for (; n_open > 0; n_open--)
		has_reason[n_entries - n_open + 1] = 1
	next
}

FILENAME == ARGV[1] {
	n_entries++
	n_open++
	said[n_entries] = $0
	entry = $0
	by_chance[n_entries] = sub(/^\? /, "", entry)
	entry_file = entry_function = entry
	sub(/:.*/, "", entry_file)
	sub(/^[^:]*:/, "", entry_function)
	sub(/:.*/, "", entry_function)
	if (entry !~ /^lib\/[a-z_]+\.[ch]:[a-z_0-9]+(: .+)?$/)
		complain(FILENAME ":" FNR ": not FILE:FUNCTION or FILE:FUNCTION: TEXT")
	sub(/^[^:]*:[^:]*(: )?/, "", entry)
	where[n_entries] = FILENAME ":" FNR
	key = entry_file SUBSEP entry_function SUBSEP trimmed(entry)
	if (key in entry_of)
		complain(where[n_entries] ": said twice")
	entry_of[key] = n_entries
	next
}

# ---- gcov ----

/^ *-: +0:Source:/ {
	file = $0
	sub(/.*Source:/, "", file)
	file = match(file, /(^|\/)lib\/[a-z_0-9]+\.[ch]$/) ? substr(file, RSTART) : ""
	sub(/^\//, "", file)
	next
}
file == "" { next }

/^function / {
	fn = $2
	sub(/^real_/, "tend__sys_", fn) # test/fault.c's names for what is in lib/sys.c
	calls[file, fn] += $4
	next
}

# Calls and branches of a line are numbered together.
/^branch / {
	taken[file, line, $2 + 0] += $3 == "never" ? 0 : $4
	if ($2 + 0 >= n_numbers[file, line])
		n_numbers[file, line] = $2 + 1
	next
}

/^ *[^ :]+: *[0-9]+:/ {
	count = $0
	sub(/:.*/, "", count)
	gsub(/[ *]/, "", count)
	line = $0
	sub(/^[^:]*: */, "", line)
	line += 0
	if (line == 0 || count == "-")
		next
	text = $0
	sub(/^[^:]*:[^:]*:/, "", text)
	is_code[file, line] = 1
	executed[file, line] += count + 0
	text_of[file, line] = trimmed(text)
	function_of[file, line] = fn
	n_lines[file] = line > n_lines[file] ? line : n_lines[file]
}

# ---- the account ----

# What excuses a line: an entry of its text, or one of its function.
function excuse_of(f, l,    key)
{
	key = f SUBSEP function_of[f, l] SUBSEP text_of[f, l]
	if (key in entry_of)
		return entry_of[key]
	key = f SUBSEP function_of[f, l] SUBSEP ""
	return key in entry_of ? entry_of[key] : 0
}

function account_line(f, l,    excuse, b, is_reached, missed)
{
	excuse = excuse_of(f, l)
	if (excuse)
		named[excuse] = 1
	missed = executed[f, l] == 0
	if (!missed || !excuse) {
		lines++
		reached += !missed
	}
	for (b = 0; b < n_numbers[f, l]; b++) {
		if (!((f, l, b) in taken))
			continue
		is_reached = taken[f, l, b] > 0
		if (is_reached || !excuse) {
			branches++
			branches_taken += is_reached
		}
		if (!is_reached && !excuse && !missed)
			print f ":" l ": branch " b ": " text_of[f, l] >detail
		missed = missed || !is_reached
	}
	if (missed && excuse)
		needed[excuse] = 1
	if (executed[f, l] == 0 && !excuse)
		print f ":" l ": " function_of[f, l] ": " text_of[f, l] >detail
}

function percent(part, whole)
{
	return whole ? sprintf("%.1f", int(1000 * part / whole) / 10) : "100.0"
}

function print_row(name, r, l, t, b)
{
	printf "%-22s %5d of %5d %6s %%   %5d of %5d %6s %%\n", name, r, l, percent(r, l), t, b, percent(t, b)
}

function check_entries(    e, key, part)
{
	for (e = 1; e <= n_entries; e++) {
		if (!has_reason[e])
			complain(where[e] ": no reason is given")
		if (!named[e])
			complain(where[e] ": there is no such code: " said[e])
		else if (!needed[e] && !by_chance[e])
			complain(where[e] ": is reached after all: " said[e])
	}
	for (key in entry_of) {
		split(key, part, SUBSEP)
		if (part[3] == "" && calls[part[1], part[2]] > 0 && !by_chance[entry_of[key]])
			complain(where[entry_of[key]] ": is called after all: " said[entry_of[key]])
	}
}

# Sorts names[1..n].
function sort_names(    i, j, name)
{
	for (i = 2; i <= n_names; i++) {
		name = names[i]
		for (j = i - 1; j > 0 && names[j] > name; j--)
			names[j + 1] = names[j]
		names[j + 1] = name
	}
}

function account_file(f,    l)
{
	lines = reached = branches = branches_taken = 0
	for (l = 1; l <= n_lines[f]; l++)
		if ((f, l) in is_code)
			account_line(f, l)
	print_row(f, reached, lines, branches_taken, branches)
	all_lines += lines
	all_reached += reached
	all_branches += branches
	all_taken += branches_taken
}

END {
	printf "" >detail
	for (f in n_lines)
		names[++n_names] = f
	if (!n_names)
		complain("gcov says nothing about lib/")
	sort_names()
	printf "%-22s %23s   %23s\n", "", "lines", "branches"
	for (i = 1; i <= n_names; i++)
		account_file(names[i])
	print_row("all", all_reached, all_lines, all_taken, all_branches)
	check_entries()
	if (all_reached < all_lines)
		complain(all_lines - all_reached " lines are not reached, and test/coverage.list does not say why")
	if (all_taken < 0.95 * all_branches)
		complain("fewer than 95 % of the branches are taken")
	exit bad
}
