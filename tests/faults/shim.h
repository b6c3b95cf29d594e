/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the fault shim and the test that drives it share: one page of memory, mapped from the file
 * that HORIZON_FAULTS names. The test arms it, the shim counts.
 *
 *   test:  kind, number, persisting, count = 0, then armed = 1      shim:  every call of that kind
 *                                                                          adds one to count
 *          ... reads count and failed; armed = 0                           and the number-th fails
 *
 * tests/faults/faults.py knows the same layout.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum fault_kind {
    FAULT_MEMORY,    /* malloc and its like */
    FAULT_MAP,       /* mmap, mprotect */
    FAULT_SOCKET,    /* socket, bind, listen, accept4, epoll, eventfd, pipes */
    FAULT_FILE,      /* open, read, stat, readlink */
    FAULT_WRITE,     /* to files, sockets and the disk; of datagrams only while not persisting */
    FAULT_THREAD,    /* pthread_create */
    FAULT_PRIVILEGE, /* setuid and its like */
    FAULT_PATH,      /* unlink, rename, mkdir, chown, flock */
    FAULT_KINDS
};

enum {
    FAULT_FRAMES = 24,
    FAULT_TRACE_BYTES = 3072
};

struct fault_control {
    atomic_uint armed;
    uint32_t kind;
    uint32_t number;     /* the call that fails, counted from 1; 0: none, only count */
    uint32_t persisting; /* ... and all after it */
    atomic_uint count;   /* calls of the kind since it was armed */
    atomic_uint failed;  /* of them made to fail */
    uint32_t at_main;    /* arm when main() begins, not before: the loader is not under test */
    char trace[FAULT_TRACE_BYTES]; /* who made the first that failed */
    char ended[FAULT_TRACE_BYTES]; /* who called abort() */
};
