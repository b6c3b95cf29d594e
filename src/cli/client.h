/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Asking a running daemon: one HTTP request over its control socket (libcurl), JSON back. A daemon
 * that is not there, and an answer that is an error, are told to the person on standard error.
 */
#pragma once

#include "cli/command.h"

#include <jansson.h>

/* The socket that --server names, or the usual one. `out` has CLIENT_PATH_MAX bytes. */
enum {
    CLIENT_PATH_MAX = 256
};
const char *client_socket(const struct call *call, char *out);

/* A path with parameters, percent-encoded: target_begin(), target_add() for each. */
struct target {
    char text[4096];
    size_t len;
    bool too_long;
};
void target_begin(struct target *target, const char *path);
/* Nothing is added when value is NULL. */
void target_add(struct target *target, const char *name, const char *value);

/* EXIT_DONE and *ret_json; otherwise the reason was printed (in JSON on standard output with
 * --json) and this is the exit status. `body` may be NULL; its reference is taken over. */
int client_ask(const struct call *call, const char *method, const struct target *target,
               json_t *body, json_t **ret_json);
