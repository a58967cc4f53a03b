#!/bin/sh
# SPDX-License-Identifier: MIT
# Planted bugs in the line parser, which its corpus has to find.
#
# usage: check-line.sh [SRCDIR]
set -eu
. "$(dirname "$0")/planting.sh"

also lib/opts lib/error lib/mem fuzz/line_oracle fuzz/fuzz_line fuzz/replay
plan lib line part

plant 'a gap is over behind any LF' line \
	"$(within break_off 's/before == p->delimiter/before == 10/')"
plant 'a gap is never over' line \
	"$(within break_off 's/before == p->delimiter/false/')"
plant 'a gap leaves the next line its flags' line \
	"$(within break_off 's/flags = TEND/flags |= TEND/')"
plant 'a line keeps the flags of the one before' line \
	"$(within hand_out 's/^\tp->flags = 0;//')"
plant 'the delimiter behind a gap is not counted' line \
	's/bytes_resync \+= n \+ n_end/bytes_resync += n/'
plant 'the delimiter behind a cut is counted' line \
	's/tend__part_drop\(&p->part\) \+ n;/tend__part_drop(\&p->part) + n + n_end;/'
plant 'a cut ends with its chunk' line \
	"$(within skip_through_delimiter 's/if \(end\)/if (true)/')"
plant 'the byte behind a full line is not looked at' line \
	's/part\.size \+ 1 \+ p->strips_cr/part.size + p->strips_cr/'
plant 'the byte behind a CR is not looked at' line \
	's/part\.size \+ 1 \+ p->strips_cr/part.size + 1/'
plant 'a CR at the end of a chunk is content' line \
	's/\(cr & p->strips_cr\)/(end \&\& cr \& p->strips_cr)/'
plant 'a CR at the end of a chunk is lost' line \
	"$(within keep 's/^\t\ttend__part_hold_cr.*/\t\t(void)0;/')"
plant 'a CR is content before the next byte is known' line \
	"$(within settle_cr 's/\(unsigned char\)\*p->unread == p->delimiter/false/')"
plant 'a CR that would fit is held' line \
	"$(within settle_cr 's/p->part\.size == /p->part.size + 1 >= /')"
plant 'the delimiter is compared as a char' line \
	"$(within settle_cr 's/\(unsigned char\)//')"
plant 'a CR in the chunk before is not told' line \
	"$(within measure 's/: tend__part_ends_with_cr\(&p->part\)/: p->part.cr/')"
plant 'a CR that is held hides the border behind a piece' line \
	"$(within piece_size 's/\|\| p->part\.cr //')"
plant 'a piece may be empty' line \
	"$(within piece_size 's/n < most/n <= most/')"
plant 'a character of four bytes is torn' line \
	"$(within piece_size 's/n <= 3/n <= 2/')"
plant 'a character that ends at the border is moved' line \
	"$(within piece_size 's/> n \?/>= n ?/')"
plant 'a byte that continues nothing is moved' line \
	"$(within piece_size 's/return character_size.*/return most - n;/')"
plant 'an overlong lead byte begins a character' line \
	"$(within character_size 's/0xc2/0xc0/')"
plant 'a lead byte beyond Unicode begins a character' line \
	"$(within character_size 's/0xf4/0xf7/')"
plant 'three bytes are taken for two' line \
	"$(within character_size 's/byte < 0xe0/byte < 0xf0/')"
plant 'a lead byte continues a character' line \
	"$(within continues_character 's/0xc0/0x80/')"
plant 'what is kept behind a piece is lost' line \
	"$(within read_line 's/e\.edge == EDGE_FULL \?/false ?/')"
plant 'a CR alone is no line' line \
	"$(within tend_parser_finish 's/tend__part_kept\(&p->part\) == 0/p->part.size == 0/')"
plant 'a CR at the end is not told' line \
	"$(within tend_parser_finish 's/had_cr \? TEND_LINE_HAD_CR : 0/0/')"
plant 'the parser goes on behind what it keeps' line \
	"$(within tend__parser_offset 's/p->part\.lent > 0/false/')"
plant 'a line is copied that need not be' line \
	"$(within read_line 's/tend__part_kept\(&p->part\) == 0 &&/false \&\&/')"
plant 'a lent line is not taken back' line \
	"$(within tend_parser_feed 's/^\ttake_back.*//'); $(within tend_parser_next 's/^\ttake_back.*//')"
plant 'a big buffer is kept' part \
	"$(within release 's/^\ttend__free.*/\treturn;/')"
plant 'a small buffer is given back' part \
	"$(within release 's/part->room <= part->release_above/false/')"
plant 'a buffer in use is given back' part \
	"$(within release 's/part->size > 0 \|\| //')"
plant 'a buffer grows beyond the maximum' part \
	"$(within reserve 's/^\tif \(room > part->max_size\)/\tif (false)/')"
plant 'the rest of a piece has the offset of the piece' part \
	"$(within tend__part_take_back 's/^\tpart->offset \+= .*//')"
plant 'the rest of a piece does not move up' part \
	"$(within tend__part_take_back 's/^\tmemmove.*//')"
plant 'a CR has no offset' part \
	"$(within tend__part_hold_cr 's/part->size == 0/false/')"
plant 'a CR moves the offset' part \
	"$(within tend__part_hold_cr 's/part->size == 0/true/')"
plant 'a CR in front of a gap is not counted' part \
	"$(within tend__part_drop 's/tend__part_kept\(part\)/part->size/')"
plant 'a CR comes back behind a gap' part \
	"$(within tend__part_drop 's/^\tpart->cr = false;//')"
plant 'a CR is added twice' part \
	"$(within tend__part_add_cr 's/^\tpart->cr = false;//')"
plant 'a stripped CR comes back' part \
	"$(within tend__part_lend_all 's/^\tpart->cr = false;//')"

finish
