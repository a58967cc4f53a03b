/* SPDX-License-Identifier: MIT */
/* In place of liburcu's header when lib/rcu.h is compiled for the explorer; see system.c. */
#ifndef TEND_MODEL_URCU_MB_H
#define TEND_MODEL_URCU_MB_H

void urcu_mb_read_lock(void);
void urcu_mb_read_unlock(void);

#endif
