/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/spawn.h"

#include "base/error.h"

#include <signal.h>
#include <stdio.h>

void spawn_name(char out[SPAWN_NAME_BYTES], const char *kind, unsigned index)
{
    snprintf(out, SPAWN_NAME_BYTES, "%s/%u", kind, index);
}

int spawn_thread(pthread_t *ret_thread, const char *name, void *(*run)(void *arg), void *arg)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        return ERR_NOMEM;
    }
    pthread_setname_np(thread, name);
    *ret_thread = thread;
    return ERR_OK;
}
