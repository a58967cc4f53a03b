# SPDX-License-Identifier: MIT
# What bash and zsh know of the tend command; test/check-completions.sh compares it with what --help lists.

bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
if BUILD_TOOL
dist_bashcompletion_DATA = %D%/tend
dist_zshcompletion_DATA = %D%/_tend
else
EXTRA_DIST += %D%/tend %D%/_tend
endif
