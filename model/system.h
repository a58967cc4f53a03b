/* SPDX-License-Identifier: MIT */
/*
 * What stands below the code under exploration: locks, RCU, sleeping, threads, descriptors, time.  Each checks the
 * rules of doc/CONCURRENCY.md about what may be done where.
 */
#ifndef TEND_MODEL_SYSTEM_H
#define TEND_MODEL_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

/* A pipe's read end.  Each write is one read; byte i of the stream is model_byte(i). */
int model_pipe(void);
void model_pipe_write(int fd, size_t n);
void model_pipe_hang_up(int fd);
unsigned char model_byte(uint64_t offset);

/* For scenario.threads: those that the library starts. */
void model_first_thread(void);
void model_second_thread(void);

/* For scenarios: wait without looking at it in any way that orders threads.  An atomic pointer that is not NULL; an
 * atomic number of at least `least`; a pipe that has been read up to `offset`. */
void model_await(const volatile void *pointer);
void model_await_at_least(const volatile _Atomic unsigned *number, unsigned least);
void model_await_read(int fd, uint64_t offset);

/* ---- for system.c and descriptors.c ---- */
#define HERE __func__, __LINE__
/* A system call, or what else is one step to the others, about `object`. */
void model_enter(const void *object, const char *function, int line);
void model_claim_may_block(const char *what);
/* A deadline has passed. */
void model_pass_time(int64_t deadline);

/* ---- [explorer] ---- */
void model_reset_system(void);
void model_transfer_system(void);
uint64_t model_hash_of_system(uint64_t h);
void model_reset_descriptors(void);
void model_transfer_descriptors(void);
uint64_t model_hash_of_descriptors(uint64_t h);
void model_claim_all_closed(void);

#endif
