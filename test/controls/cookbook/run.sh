# SPDX-License-Identifier: MIT
run 0 "$cookbook/first"
run 0 "$cookbook/second" with an argument
