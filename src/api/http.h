/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON over HTTP on a listening socket (libmicrohttpd, driven by the control loop): a table of
 * routes, and requests that are answered at once or later. Nothing here knows what is asked.
 *
 *   connection ─► route found, body read ─► handle(request) ─► http_reply() at once
 *                                                └─ or later, e.g. when a reload is over
 *
 * Everything runs in the loop's thread. A handler may keep its request for later, and must answer
 * it, unless http_free() comes first. Limits: LIMIT_CONTROL_* in base/limits.h.
 */
#pragma once

#include "io/loop.h"

#include <jansson.h>

struct http;
struct http_request;

struct http_route {
    const char *method, *path;
    void (*handle)(void *ctx, struct http_request *request);
    size_t body_most; /* bytes; 0: LIMIT_CONTROL_BODY_BYTES */
};

/* Serves on `listen_fd`, which it takes over on success. `routes` ends with a NULL path and
 * outlives it. */
int http_new(const struct alloc *alloc, struct loop *loop, int listen_fd,
             const struct http_route *routes, void *ctx, struct http **ret_http);
/* Asked before each request is handled; what it answers goes no further. */
void http_guard(struct http *http, void (*guard)(void *ctx, struct http_request *request));
/* Cuts what is open. */
void http_free(struct http *http);

/* A header of the request, or NULL; and its method. */
const char *http_header(const struct http_request *request, const char *name);
const char *http_method(const struct http_request *request);
/* A parameter of the query string; NULL when absent. Valid until the reply. */
const char *http_param(struct http_request *request, const char *name);
/* The body, a JSON object; NULL when there was none. Belongs to the request. */
const json_t *http_body(const struct http_request *request);

/* The user at the other end of a unix socket (SO_PEERCRED); false: it is no such socket. */
bool http_peer_user(const struct http_request *request, uint32_t *ret_uid);

/* Answers, exactly once; takes over the reference to `body`. */
void http_reply(struct http_request *request, unsigned status, json_t *body);
/* Answers with {"error": {"field", "reason", "mend"}}; field and mend may be NULL. */
void http_refuse(struct http_request *request, unsigned status, const char *field,
                 const char *reason, const char *mend);
/* The body of such an answer. */
json_t *http_error_body(const char *field, const char *reason, const char *mend);
