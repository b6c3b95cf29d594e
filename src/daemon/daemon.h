/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The daemon: from a configuration to a server that answers, and through reloads to a clean stop.
 *
 *   read configuration ─► bind sockets ─► give up root ─► read zones (thread pool) ─► publish
 *     ─► start workers ─► control socket ─► "horizon: ready" ─► ... reloads ... ─► drain ─► exit
 *
 * SIGTERM and SIGINT drain and end with status 0, a second one ends at once. SIGHUP reloads. Each
 * step that fails says why on standard error, undoes the steps before and ends with status 1.
 */
#pragma once

#include <stdbool.h>

enum {
    DAEMON_SOCKET_BYTES = 108
};

struct daemon_options {
    const char *config;         /* file; NULL: listens and zones alone */
    const char *const *listens; /* ADDR:PORT, ended by NULL */
    const char *const *zones;   /* ORIGIN=FILE, ended by NULL */
    const char *control;        /* path of the control socket; NULL: as configured */
    const char *data;           /* folder for what is kept on disk; NULL: as configured */
    const char *api;            /* loopback ADDR:PORT of the API; NULL: as configured */
    const char *workers;        /* NULL: as configured */
    bool json;                  /* when ready, the status as one line of JSON on standard output */
};

/* Runs until told to stop; returns the exit status. */
int daemon_run(const struct daemon_options *options);
