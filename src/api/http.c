/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http.h"

#include "api/json_text.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Out of connections or descriptors the library stops to listen. It begins again in a later turn,
 * which nothing but time would bring. */
enum {
    HTTP_TURN_MS = 250
};

struct http {
    const struct alloc *alloc;
    struct loop *loop;
    struct MHD_Daemon *server;
    struct loop_poll *poll;
    struct loop_timer *timer;
    const struct http_route *routes;
    void (*guard)(void *ctx, struct http_request *request); /* NULL: none */
    void *ctx;
    struct http_request *open; /* all that exist */
};

enum request_state {
    REQUEST_READING,   /* headers and body come in */
    REQUEST_HANDLING,  /* inside the route's handler */
    REQUEST_SUSPENDED, /* the handler kept it for later */
    REQUEST_ANSWERED,  /* `response` waits to be queued, or was */
};

struct http_request {
    struct http *http;
    struct http_request *next, **link;
    struct MHD_Connection *connection;
    const struct http_route *route;
    enum request_state state;
    bool too_long;
    struct buf body;
    json_t *body_json;
    struct MHD_Response *response;
    unsigned status;
};

static void request_free(struct http_request *request)
{
    *request->link = request->next;
    if (request->next) {
        request->next->link = request->link;
    }
    buf_deinit(&request->body);
    json_decref(request->body_json);
    if (request->response) {
        MHD_destroy_response(request->response);
    }
    mem_free(request->http->alloc, request);
}

static struct http_request *request_new(struct http *http, struct MHD_Connection *connection)
{
    struct http_request *request = mem_new_zero(http->alloc, 1, sizeof(*request));
    if (!request) {
        return NULL;
    }
    request->http = http;
    request->connection = connection;
    buf_init(&request->body, http->alloc);
    request->next = http->open;
    request->link = &http->open;
    if (http->open) {
        http->open->link = &request->next;
    }
    http->open = request;
    return request;
}

json_t *http_error_body(const char *field, const char *reason, const char *mend)
{
    return json_pack("{s:{s:o, s:o, s:o}}", "error", "field", json_text(field), "reason",
                     json_text(reason), "mend", json_text(mend));
}

/* The HTTP server asks to be called: now, and again after its own timeout. */
static void http_turn(void *ctx)
{
    struct http *http = ctx;
    MHD_run(http->server);
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (MHD_get_timeout(http->server, &wait_ms) != MHD_YES || wait_ms > HTTP_TURN_MS) {
        wait_ms = HTTP_TURN_MS;
    }
    loop_timer_start(http->timer, duration_from_ms((int64_t)wait_ms));
}

static struct MHD_Response *response_from(json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(body);
    if (!text) {
        return NULL;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return NULL;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    return response;
}

void http_reply(struct http_request *request, unsigned status, json_t *body)
{
    bool later = request->state == REQUEST_SUSPENDED;
    ASSERT(later || request->state == REQUEST_HANDLING);
    request->response = response_from(body);
    request->status = status;
    request->state = REQUEST_ANSWERED;
    if (later) {
        MHD_resume_connection(request->connection);
        loop_timer_start(request->http->timer, duration_from_ms(0));
    }
}

void http_refuse(struct http_request *request, unsigned status, const char *field,
                 const char *reason, const char *mend)
{
    http_reply(request, status, http_error_body(field, reason, mend));
}

void http_guard(struct http *http, void (*guard)(void *ctx, struct http_request *request))
{
    http->guard = guard;
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_method(const struct http_request *request)
{
    return request->route->method;
}

const char *http_param(struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool http_peer_user(const struct http_request *request, uint32_t *ret_uid)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred user;
    socklen_t len = sizeof(user);
    if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &user, &len) != 0 ||
        len != sizeof(user) || user.uid == (uid_t)-1) {
        return false;
    }
    *ret_uid = user.uid;
    return true;
}

const json_t *http_body(const struct http_request *request)
{
    return request->body_json;
}

/* Finds the route, or says why there is none. */
static void request_route(struct http_request *request, const char *method, const char *path)
{
    const char *other = NULL;
    for (const struct http_route *route = request->http->routes; route->path; route++) {
        if (strcmp(route->path, path) != 0) {
            continue;
        }
        if (strcmp(route->method, method) == 0) {
            request->route = route;
            return;
        }
        other = route->method;
    }
    if (other) {
        http_refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "method",
                    "this address does not take that method", other);
    } else {
        http_refuse(request, MHD_HTTP_NOT_FOUND, "path", "no such address here",
                    "GET /v1/status is one that exists");
    }
}

static void request_body(struct http_request *request)
{
    if (request->body.len == 0) {
        return;
    }
    json_error_t error;
    request->body_json = json_loadb((const char *)request->body.data, request->body.len,
                                    JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(request->body_json)) {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "body", "the body is not a JSON object",
                    "send one object, or no body");
    }
}

/* Headers and body are complete. */
static void request_handle(struct http_request *request, const char *method, const char *path)
{
    request->state = REQUEST_HANDLING;
    if (request->too_long) {
        http_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "body", "the body is too long",
                    "send less, or several plans");
    }
    if (request->state == REQUEST_HANDLING) {
        request_route(request, method, path);
    }
    if (request->state == REQUEST_HANDLING) {
        request_body(request);
    }
    if (request->state == REQUEST_HANDLING && request->http->guard) {
        request->http->guard(request->http->ctx, request);
    }
    if (request->state == REQUEST_HANDLING) {
        request->route->handle(request->http->ctx, request);
    }
}

static enum MHD_Result request_finish(struct http_request *request)
{
    if (request->state == REQUEST_HANDLING) {
        request->state = REQUEST_SUSPENDED;
        MHD_suspend_connection(request->connection);
        return MHD_YES;
    }
    if (!request->response) {
        return MHD_NO; /* no memory for an answer: the connection is closed */
    }
    return MHD_queue_response(request->connection, request->status, request->response);
}

/* What the routes of a path take at most. */
static size_t body_most(const struct http *http, const char *path)
{
    size_t most = LIMIT_CONTROL_BODY_BYTES;
    for (const struct http_route *route = http->routes; route->path; route++) {
        if (route->body_most > most && strcmp(route->path, path) == 0) {
            most = route->body_most;
        }
    }
    return most;
}

static enum MHD_Result on_access(void *ctx, struct MHD_Connection *connection, const char *path,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_len, void **request_slot)
{
    (void)version;
    struct http_request *request = *request_slot;
    if (!request) {
        *request_slot = request_new(ctx, connection);
        return *request_slot ? MHD_YES : MHD_NO;
    }
    if (*upload_len > 0) {
        if (request->body.len + *upload_len > body_most(request->http, path) ||
            buf_append(&request->body, upload, *upload_len) != ERR_OK) {
            request->too_long = true;
        }
        *upload_len = 0;
        return MHD_YES;
    }
    if (request->state == REQUEST_READING) {
        request_handle(request, method, path);
    }
    return request_finish(request);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **request_slot,
                         enum MHD_RequestTerminationCode how)
{
    (void)ctx;
    (void)connection;
    (void)how;
    struct http_request *request = *request_slot;
    if (!request) {
        return;
    }
    /* A suspended connection is not watched: its end is seen only after it was answered. */
    ASSERT(request->state != REQUEST_SUSPENDED);
    *request_slot = NULL;
    request_free(request);
}

static int http_start(struct http *http, int listen_fd)
{
    http->server = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, http,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)LIMIT_CONTROL_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)LIMIT_CONTROL_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (!http->server) {
        return ERR_IO;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->server, MHD_DAEMON_INFO_EPOLL_FD);
    int err =
        info ? loop_poll_new(http->loop, info->epoll_fd, http_turn, http, &http->poll) : ERR_IO;
    if (err == ERR_OK) {
        err = loop_timer_new(http->loop, http_turn, http, &http->timer);
    }
    return err;
}

int http_new(const struct alloc *alloc, struct loop *loop, int listen_fd,
             const struct http_route *routes, void *ctx, struct http **ret_http)
{
    struct http *http = mem_new_zero(alloc, 1, sizeof(*http));
    if (!http) {
        return ERR_NOMEM;
    }
    *http = (struct http){.alloc = alloc, .loop = loop, .routes = routes, .ctx = ctx};
    int err = http_start(http, listen_fd);
    if (err != ERR_OK) {
        if (http->server) {
            MHD_quiesce_daemon(http->server); /* gives listen_fd back to the caller */
        }
        http_free(http);
        return err;
    }
    *ret_http = http;
    return ERR_OK;
}

void http_free(struct http *http)
{
    if (!http) {
        return;
    }
    loop_poll_free(http->poll);
    loop_timer_free(http->timer);
    /* Suspended requests must go on before the server may stop; nobody answers them any more. */
    for (struct http_request *request = http->open; request; request = request->next) {
        if (request->state == REQUEST_SUSPENDED) {
            request->state = REQUEST_ANSWERED;
            MHD_resume_connection(request->connection);
        }
    }
    if (http->server) {
        MHD_run(http->server);
        MHD_stop_daemon(http->server);
    }
    while (http->open) {
        request_free(http->open);
    }
    mem_free(http->alloc, http);
}
