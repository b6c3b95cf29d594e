/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Threads of the server: named, so that `top -H` tells them apart, and deaf to signals, which are
 * the control thread's business.
 */
#pragma once

#include <pthread.h>

enum {
    SPAWN_NAME_BYTES = 16
};

/* "udp/3" into out. */
void spawn_name(char out[SPAWN_NAME_BYTES], const char *kind, unsigned index);
/* ERR_NOMEM when the system has no thread left. */
int spawn_thread(pthread_t *ret_thread, const char *name, void *(*run)(void *arg), void *arg);
