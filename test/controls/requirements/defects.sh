#!/bin/sh
# SPDX-License-Identifier: MIT
plant XY-1 'it is broken' file test_good works_too 's/works/breaks/'
