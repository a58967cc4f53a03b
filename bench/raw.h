/* SPDX-License-Identifier: MIT */
/*
 * The limit: the same works with nothing but system calls, as an experienced programmer writes them for this one
 * purpose.  Nothing here is bounded, cancelled or observed.
 */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define READ_SIZE ((size_t)64 << 10)
#define MAX_ARGS 6

/* Which of a child's standard streams are pipes; the others are /dev/null. */
enum raw_pipes { RAW_IN = 1, RAW_OUT = 2, RAW_ERR = 4 };

/* `out` and `err` are our ends and stay open until they are closed; -1 where there is none. */
struct raw_child {
	pid_t pid;
	int in, out, err;
};

/* Starts argv[0] by posix_spawn(3); `in_fd` is its stdin where that is no pipe and it is not -1. */
struct raw_child raw_start(const char *const *argv, unsigned pipes, int in_fd);

/* A child that has said that it is ready; `mode` is child.c's. */
struct raw_child raw_start_ready(const char *mode);

/* read(2), which has to succeed. */
size_t raw_read(int fd, void *block, size_t size);

/* Waits for the exit, which has to be one of 0, and counts it. */
void raw_await(pid_t pid);

/* F_SETPIPE_SZ as pipe=BYTES says, if it does; the size that the pipe has is noted. */
void raw_set_pipe(int fd);

/* The works; see raw.c for their names. */
void raw_burst(void);
void raw_drip(void);
void raw_live(void);
void raw_spawn(void);
void raw_exit(void);
void raw_stop(void);
void raw_kill(void);

/* shape=1: the same with a reader and a reaper.  Once in a process. */
void shape_pingpong(void);
void shape_exit(void);
void shape_stop(void);

#endif
