/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP and HTTPS by libcurl, on the control loop: libcurl says which sockets and when, the loop
 * tells it what came. A fresh connection each time, no redirects, no proxy, never another host than
 * the target.
 *
 *   loop ─ poll, timer ─► curl_multi_socket_action() ─► done ─► judged ─► target_finish()
 */
#include "probe/target.h"

#include "base/error.h"
#include "io/clock.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    BODY_MOST = 65536,
    CERTIFICATE_DAYS = 14, /* less to live than this is a warning */
};

struct http_probes {
    struct prober *prober;
    CURLM *multi;
    struct loop_timer *timer;
};

struct http_socket {
    struct http_probes *http;
    struct loop_poll *poll;
    curl_socket_t fd;
};

struct http_target {
    CURL *easy;
    struct curl_slist *connect_to;
    char *body;
    size_t body_len;
    int socket_problem; /* why no socket could be made; 0: one was */
    bool running;
};

/* --- libcurl and the loop ------------------------------------------------------------------------
 */

static void judge(struct target *target, CURLcode code);

static void take_finished(struct http_probes *http)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left)) != NULL;) {
        void *target = NULL;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE) {
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &target);
            judge(target, code);
        }
    }
}

static void act(struct http_probes *http, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(http->multi, fd, events, &running);
    take_finished(http);
}

static void on_socket(void *ctx)
{
    const struct http_socket *socket = ctx;
    unsigned events = loop_poll_events(socket->poll);
    act(socket->http, socket->fd,
        (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(void *ctx)
{
    act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void socket_drop(struct http_socket *socket)
{
    if (socket) {
        loop_poll_free(socket->poll);
        mem_free(socket->http->prober->alloc, socket);
    }
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_slot)
{
    struct http_probes *http = ctx;
    struct http_socket *socket = socket_slot;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        socket_drop(socket);
        curl_multi_assign(http->multi, fd, NULL);
        return 0;
    }
    if (!socket) {
        socket = mem_new_zero(http->prober->alloc, 1, sizeof(*socket));
        if (!socket) {
            return -1;
        }
        *socket = (struct http_socket){.http = http, .fd = fd};
        if (loop_poll_new(http->prober->loop, fd, on_socket, socket, &socket->poll) != ERR_OK) {
            mem_free(http->prober->alloc, socket);
            return -1;
        }
        curl_multi_assign(http->multi, fd, socket);
    }
    unsigned events = (what & CURL_POLL_IN ? (unsigned)LOOP_READ : 0) |
                      (what & CURL_POLL_OUT ? (unsigned)LOOP_WRITE : 0);
    return loop_poll_want(socket->poll, events) == ERR_OK ? 0 : -1;
}

static int want_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct http_probes *http = ctx;
    (void)multi;
    if (timeout_ms < 0) {
        loop_timer_stop(http->timer);
    } else {
        loop_timer_start(http->timer, duration_from_ms(timeout_ms));
    }
    return 0;
}

static struct http_probes *http_probes(struct prober *prober)
{
    if (prober->http) {
        return prober->http;
    }
    struct http_probes *http = mem_new_zero(prober->alloc, 1, sizeof(*http));
    if (!http) {
        return NULL;
    }
    http->prober = prober;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    http->multi = curl_multi_init();
    if (!http->multi || loop_timer_new(prober->loop, on_timer, http, &http->timer) != ERR_OK) {
        curl_multi_cleanup(http->multi);
        mem_free(prober->alloc, http);
        return NULL;
    }
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 1L);
    prober->http = http;
    return http;
}

void http_probes_free(struct http_probes *http)
{
    if (http) {
        curl_multi_cleanup(http->multi);
        loop_timer_free(http->timer);
        mem_free(http->prober->alloc, http);
    }
}

/* --- one probe -----------------------------------------------------------------------------------
 */

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct target *target = ctx;
    struct http_target *state = target->state;
    size_t bytes = size * count, room = BODY_MOST - state->body_len;
    size_t taken = bytes < room ? bytes : room;
    if (target->order.check->expect && taken > 0) {
        memcpy(state->body + state->body_len, data, taken);
        state->body_len += taken;
    }
    return bytes;
}

static struct http_target *state_of(struct target *target)
{
    struct http_target *state = target->state;
    if (state) {
        return state;
    }
    state = mem_new_zero(target->prober->alloc, 1, sizeof(*state));
    if (state) {
        state->easy = curl_easy_init();
        state->body =
            target->order.check->expect ? mem_new(target->prober->alloc, BODY_MOST) : NULL;
        if (!state->easy || (target->order.check->expect && !state->body)) {
            curl_easy_cleanup(state->easy);
            mem_free(target->prober->alloc, state->body);
            mem_free(target->prober->alloc, state);
            return NULL;
        }
    }
    target->state = state;
    return state;
}

/* The URL; with a host of its own, that host at the target's address. */
static void address_set(struct target *target, struct http_target *state)
{
    const struct check *check = target->order.check;
    struct endpoint endpoint = target_endpoint(target);
    char where[ENDPOINT_TEXT_BYTES], url[2048], redirect[512];
    const char *scheme = check->tls ? "https" : "http";
    endpoint_to_text(&endpoint, where);
    if (check->host) {
        snprintf(url, sizeof(url), "%s://%s:%u%s", scheme, check->host, endpoint.port, check->text);
        snprintf(redirect, sizeof(redirect), "%s:%u:%s", check->host, endpoint.port, where);
        curl_slist_free_all(state->connect_to);
        state->connect_to = curl_slist_append(NULL, redirect);
        curl_easy_setopt(state->easy, CURLOPT_CONNECT_TO, state->connect_to);
    } else {
        snprintf(url, sizeof(url), "%s://%s%s", scheme, where, check->text);
    }
    curl_easy_setopt(state->easy, CURLOPT_URL, url);
}

/* As libcurl does by itself, but keeping why it fails, and never to anywhere but the target. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct target *target = ctx;
    struct http_target *state = target->state;
    struct endpoint endpoint = target_endpoint(target);
    union socket_name name = {0};
    size_t len = address->addrlen < sizeof(name) ? address->addrlen : sizeof(name);
    memcpy(&name, &address->addr, len);
    struct endpoint asked = endpoint_from_name(&name);
    if (asked.port != endpoint.port ||
        memcmp(&asked.address, &endpoint.address, sizeof(asked.address)) != 0) {
        state->socket_problem = EHOSTUNREACH;
        return CURL_SOCKET_BAD;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    (void)purpose;
    state->socket_problem = fd < 0 ? errno : 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void begin(struct target *target)
{
    const struct check *check = target->order.check;
    struct http_probes *http = http_probes(target->prober);
    struct http_target *state = http ? state_of(target) : NULL;
    if (!state) {
        target_finish(target, OUTCOME_NONE, "no memory for a probe here");
        return;
    }
    CURL *easy = state->easy;
    curl_easy_reset(easy);
    state->body_len = 0;
    state->socket_problem = 0;
    address_set(target, state);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, target);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    /* Addresses are given: a cache of them is only walked through, whole, at each probe. */
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "horizon/" HORIZON_VERSION " (health check)");
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, check->verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, check->verify ? 2L : 0L);
    curl_easy_setopt(easy, CURLOPT_CERTINFO, check->tls ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, target);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, target);
    state->running = curl_multi_add_handle(http->multi, easy) == CURLM_OK;
    if (!state->running) {
        target_finish(target, OUTCOME_NONE, "the HTTP library refused the probe");
    }
}

/* Days that the server's certificate is good for; INT64_MAX when nobody said. */
static int64_t certificate_days(CURL *easy)
{
    struct curl_certinfo *info = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK || !info ||
        info->num_of_certs < 1) {
        return INT64_MAX;
    }
    for (const struct curl_slist *line = info->certinfo[0]; line; line = line->next) {
        static const char key[] = "Expire date:";
        if (strncmp(line->data, key, sizeof(key) - 1) == 0) {
            time_t at = curl_getdate(line->data + sizeof(key) - 1, NULL);
            int64_t now_s = clock_wall().ns / 1000000000;
            return at < 0 ? INT64_MAX : ((int64_t)at - now_s) / 86400;
        }
    }
    return INT64_MAX;
}

static void judge(struct target *target, CURLcode code)
{
    struct http_target *state = target->state;
    const struct check *check = target->order.check;
    char detail[160];
    long status = 0;
    curl_easy_getinfo(state->easy, CURLINFO_RESPONSE_CODE, &status);
    int64_t days = check->tls ? certificate_days(state->easy) : INT64_MAX;
    curl_multi_remove_handle(target->prober->http->multi, state->easy);
    state->running = false;
    if (state->socket_problem) {
        target_finish(target, problem_outcome(state->socket_problem),
                      connect_problem(state->socket_problem));
    } else if (code != CURLE_OK) {
        bool ours = code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT ||
                    code == CURLE_SSL_CACERT_BADFILE;
        snprintf(detail, sizeof(detail), "%s", curl_easy_strerror(code));
        target_finish(target, ours ? OUTCOME_NONE : OUTCOME_FAIL, detail);
    } else if (status < check->status_low || status > check->status_high) {
        snprintf(detail, sizeof(detail), "HTTP status %ld", status);
        target_finish(target, OUTCOME_FAIL, detail);
    } else if (check->expect &&
               !memmem(state->body, state->body_len, check->expect, strlen(check->expect))) {
        snprintf(detail, sizeof(detail), "HTTP status %ld, but the body lacks what is expected",
                 status);
        target_finish(target, OUTCOME_FAIL, detail);
    } else if (days < CERTIFICATE_DAYS) {
        snprintf(detail, sizeof(detail), "HTTP status %ld; the certificate ends in %lld days",
                 status, (long long)days);
        target_finish(target, OUTCOME_WARN, detail);
    } else {
        snprintf(detail, sizeof(detail), "HTTP status %ld", status);
        target_finish(target, OUTCOME_PASS, detail);
    }
}

static void stop(struct target *target)
{
    struct http_target *state = target->state;
    if (state && state->running) {
        curl_multi_remove_handle(target->prober->http->multi, state->easy);
        state->running = false;
    }
}

static void timeout(struct target *target)
{
    stop(target);
    target_finish(target, OUTCOME_FAIL, "no answer within the timeout");
}

static void end(struct target *target)
{
    struct http_target *state = target->state;
    stop(target);
    if (state) {
        curl_easy_cleanup(state->easy);
        curl_slist_free_all(state->connect_to);
        mem_free(target->prober->alloc, state->body);
    }
}

const struct probe_kind PROBE_HTTP = {.begin = begin, .timeout = timeout, .end = end};
