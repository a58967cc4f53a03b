/* SPDX-License-Identifier: MIT */
/*
 * libtend: child processes for multithreaded C.  This is the one header that a program includes;
 * each header below also compiles alone, as C11 and as C++11.  See tend(7) for the model.
 */
#ifndef TEND_H
#define TEND_H

#include <tend/base.h>
#include <tend/child.h>
#include <tend/error.h>
#include <tend/line.h>
#include <tend/stream.h>
#include <tend/consume.h>
#include <tend/write.h>
#include <tend/stop.h>
#include <tend/spawn.h>
#include <tend/process.h>
#include <tend/restart.h>
#include <tend/kernel.h>

#endif
