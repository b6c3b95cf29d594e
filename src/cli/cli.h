/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The command line of horizon: words to a command, a command to an exit status. Asks a running
 * daemon through its control socket, or works offline on a configuration. It does not know the
 * daemon: who wires the executable hands in what `serve` runs.
 *
 * Exit status everywhere: 0 done, 1 no, 2 usage.
 */
#pragma once

#include <stdbool.h>

enum exit_status {
    EXIT_DONE = 0,
    EXIT_NO = 1,
    EXIT_USAGE = 2
};

/* What `serve` was given, as written. Arrays end with NULL. */
struct cli_serve {
    const char *config;         /* NULL: flags alone */
    const char *const *listens; /* ADDR:PORT */
    const char *const *zones;   /* ORIGIN=FILE */
    const char *control;        /* NULL: as configured */
    const char *data;           /* NULL: as configured */
    const char *api;            /* the same */
    const char *workers;        /* NULL: as configured */
    bool json;                  /* tell the state as JSON on standard output when ready */
};

/* Returns the exit status. `serve` runs the daemon until it is told to stop. */
int cli_main(int argc, char **argv, int (*serve)(const struct cli_serve *serve));
