/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/server.h"

#include "base/assert.h"
#include "base/error.h"
#include "io/entropy.h"
#include "io/cores.h"
#include "server/connection.h"
#include "server/listener.h"
#include "server/tcp.h"
#include "server/udp.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DESCRIPTORS_SPARE = 256, /* files, the control socket, connections on their way out */
    DESCRIPTORS_HELD = 65536 /* held connections to instances */
};

/* What control knows of a slot, beside what the threads see. */
enum slot_state {
    SLOT_FREE,
    SLOT_SERVED,
    SLOT_OPENED
};

struct server {
    struct shared shared;
    struct udp_worker **udp;
    struct tcp_worker **tcp;
    uint32_t workers;
    bool started, prepared;
    enum slot_state state[SERVER_SLOTS]; /* OPENED: bound by a retarget, not yet committed */
    bool going[SERVER_SLOTS];            /* the prepared retarget ends it */
    int *opened;                         /* [slot][UDP, TCP][worker]: descriptors of OPENED slots */
    int *inherited;
};

static int *opened_of(const struct server *server, unsigned slot, enum socket_kind kind)
{
    return server->opened + ((size_t)slot * 2 + kind) * server->workers;
}

/* As configured, else one a core; never fewer than sockets of one listener that were handed over.
 */
static uint32_t workers_decide(const struct desired *desired, const struct server_options *options)
{
    uint32_t workers = options->workers ? options->workers : cores_count();
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        uint32_t inherited = listener_inherited(&desired->listeners[i], options->inherited,
                                                options->inherited_count);
        workers = inherited > workers ? inherited : workers;
    }
    return workers < LIMIT_WORKERS ? workers : LIMIT_WORKERS;
}

/* Enough descriptors for every connection that the limits allow; and for held connections to
 * instances, as many as the machine lets us have. */
static void descriptors_ensure(const struct server *server, struct diag_list *diags)
{
    struct rlimit limit;
    rlim_t need = seats_capacity(server->shared.options.tcp_connections) +
                  (rlim_t)server->workers * 2 * (LIMIT_LISTENERS + 1) + DESCRIPTORS_SPARE;
    rlim_t wish = need + DESCRIPTORS_HELD;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wish) {
        return;
    }
    if (limit.rlim_max < need) {
        struct rlimit raised = {need, need};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) { /* as root */
            return;
        }
        diag_add(diags, SEVERITY_WARNING, (struct place){0},
                 "raise LimitNOFILE in the unit (ulimit -Hn), or lower server.tcp.connections",
                 "%llu file descriptors are allowed, %llu may be needed",
                 (unsigned long long)limit.rlim_max, (unsigned long long)need);
    }
    struct rlimit more = {limit.rlim_max < wish ? limit.rlim_max : wish, limit.rlim_max};
    (void)setrlimit(RLIMIT_NOFILE, &more);
}

static bool endpoint_same(const struct desired_listener *a, const struct address *address,
                          uint16_t port)
{
    return a->port == port && memcmp(&a->address, address, sizeof *address) == 0;
}

/* Two listeners on one address would split its queries by chance. Port 0 is a new port each time.
 */
static int duplicates_refuse(const struct desired *desired, struct diag_list *diags)
{
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        const struct desired_listener *listener = &desired->listeners[i];
        for (uint32_t j = 0; j < i && listener->port != 0; j++) {
            if (endpoint_same(&desired->listeners[j], &listener->address, listener->port)) {
                char text[ENDPOINT_TEXT_BYTES];
                struct endpoint endpoint = {listener->address, listener->port};
                diag_add(diags, SEVERITY_ERROR, listener->place, "remove one of them",
                         "%s is listened on twice", endpoint_to_text(&endpoint, text));
                return ERR_INVALID;
            }
        }
    }
    return ERR_OK;
}

/* Does an IPv4 wildcard of the configuration need the IPv4 half of this IPv6 wildcard's port? */
static bool v4_is_elsewhere(const struct desired *desired, const struct desired_listener *listener)
{
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        const struct desired_listener *other = &desired->listeners[i];
        struct endpoint endpoint = {other->address, other->port};
        if (other->port == listener->port && address_is_v4(&other->address) &&
            endpoint_is_wildcard(&endpoint)) {
            return true;
        }
    }
    return false;
}

/* Can a socket of our own overlap with this address? Then trying it alone says nothing. */
static bool overlaps_own(const struct server *server, const struct desired_listener *listener)
{
    struct endpoint endpoint = {listener->address, listener->port};
    bool wildcard = endpoint_is_wildcard(&endpoint);
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        const struct slot *own = &server->shared.slots[slot];
        bool open = server->state[slot] != SLOT_FREE ||
                    atomic_load_explicit(&own->users, memory_order_relaxed) > 0;
        bool same = endpoint_same(listener, &own->endpoint.address, own->endpoint.port);
        if (open && own->endpoint.port == listener->port && (same || wildcard || own->wildcard)) {
            return true;
        }
    }
    return false;
}

/* Puts the new TCP sockets of a slot into the sets of their threads. */
static int slot_watch(struct server *server, unsigned slot)
{
    int err = ERR_OK;
    for (uint32_t i = 0; i < server->workers && err == ERR_OK; i++) {
        err = tcp_watch(server->tcp[i], slot, opened_of(server, slot, SOCKET_TCP)[i]);
    }
    return err;
}

static void slot_close(struct server *server, unsigned slot)
{
    for (uint32_t i = 0; i < server->workers; i++) {
        close(opened_of(server, slot, SOCKET_UDP)[i]);
        tcp_forget(server->tcp[i], opened_of(server, slot, SOCKET_TCP)[i]);
    }
    server->state[slot] = SLOT_FREE;
}

static int slot_open(struct server *server, unsigned slot, const struct desired *desired,
                     const struct desired_listener *listener, struct diag_list *diags)
{
    struct listener_request request = {
        .listener = listener,
        .workers = server->workers,
        .v6_only = v4_is_elsewhere(desired, listener),
        .try_alone = !overlaps_own(server, listener),
        .running = server->started,
        .inherited = server->inherited,
        .inherited_count = server->shared.options.inherited_count,
    };
    struct endpoint bound;
    int err = listener_open(&request, opened_of(server, slot, SOCKET_UDP),
                            opened_of(server, slot, SOCKET_TCP), &bound, diags);
    if (err != ERR_OK) {
        return err;
    }
    struct slot *own = &server->shared.slots[slot];
    own->endpoint = bound;
    own->wanted_port = listener->port;
    own->wildcard = endpoint_is_wildcard(&bound);
    server->state[slot] = SLOT_OPENED;
    err = slot_watch(server, slot);
    if (err != ERR_OK) {
        char text[ENDPOINT_TEXT_BYTES];
        diag_add(diags, SEVERITY_ERROR, listener->place, NULL, "cannot wait for queries on %s: %s",
                 endpoint_to_text(&bound, text), error_text(err));
        slot_close(server, slot);
    }
    return err;
}

static void orders_send(struct orders *orders, unsigned slot, int entry)
{
    atomic_store_explicit(&orders->socket[slot], entry, memory_order_relaxed);
    atomic_fetch_add_explicit(&orders->version, 1, memory_order_release);
}

/* From now on the threads serve the slot. */
static void slot_serve(struct server *server, unsigned slot)
{
    atomic_store_explicit(&server->shared.slots[slot].users, 2 * server->workers,
                          memory_order_relaxed);
    for (uint32_t i = 0; i < server->workers; i++) {
        orders_send(udp_orders(server->udp[i]), slot, opened_of(server, slot, SOCKET_UDP)[i] + 1);
        orders_send(tcp_orders(server->tcp[i]), slot, opened_of(server, slot, SOCKET_TCP)[i] + 1);
    }
    server->state[slot] = SLOT_SERVED;
}

/* The threads drain it and close its sockets. */
static void slot_end(struct server *server, unsigned slot)
{
    for (uint32_t i = 0; i < server->workers; i++) {
        int udp = opened_of(server, slot, SOCKET_UDP)[i],
            tcp = opened_of(server, slot, SOCKET_TCP)[i];
        orders_send(udp_orders(server->udp[i]), slot, -(udp + 1));
        orders_send(tcp_orders(server->tcp[i]), slot, -(tcp + 1));
    }
    server->state[slot] = SLOT_FREE;
}

static int workers_new(struct server *server)
{
    const struct alloc *alloc = server->shared.alloc;
    server->udp = mem_new_zero(alloc, server->workers, sizeof(struct udp_worker *));
    server->tcp = mem_new_zero(alloc, server->workers, sizeof(struct tcp_worker *));
    server->opened = mem_new_zero(alloc, (size_t)SERVER_SLOTS * 2 * server->workers, sizeof(int));
    if (!server->udp || !server->tcp || !server->opened) {
        return ERR_NOMEM;
    }
    int err = ERR_OK;
    for (uint32_t i = 0; i < server->workers && err == ERR_OK; i++) {
        err = udp_new(&server->shared, i, &server->udp[i]);
        if (err == ERR_OK) {
            err = tcp_new(&server->shared, i, &server->tcp[i]);
        }
    }
    return err;
}

/* Options with their impossible values mended; what was handed over is copied. */
static int options_take(struct server *server, const struct server_options *options)
{
    struct server_options *own = &server->shared.options;
    *own = *options;
    own->tcp_connections = options->tcp_connections ? options->tcp_connections : 1;
    own->tcp_per_client = options->tcp_per_client ? options->tcp_per_client : 1;
    own->tcp_pipeline = options->tcp_pipeline ? options->tcp_pipeline : 1;
    size_t bytes = options->inherited_count * sizeof *options->inherited;
    server->inherited = mem_new(server->shared.alloc, bytes);
    if (!server->inherited) {
        return ERR_NOMEM;
    }
    if (bytes > 0) {
        memcpy(server->inherited, options->inherited, bytes);
    }
    own->inherited = server->inherited;
    return ERR_OK;
}

static int server_build(struct server *server, const struct desired *desired,
                        const struct server_options *options, struct diag_list *diags)
{
    server->workers = workers_decide(desired, options);
    int err = options_take(server, options);
    if (err == ERR_OK) {
        descriptors_ensure(server, diags);
        struct seats_limits limits = {
            .connections = server->shared.options.tcp_connections,
            .per_client = server->shared.options.tcp_per_client,
            .reserve = server->shared.options.tcp_reserve,
        };
        err = seats_new(server->shared.alloc, &limits, entropy_seed(), &CONNECTION_CALLS,
                        &server->shared.seats);
    }
    if (err == ERR_OK) {
        err = workers_new(server);
    }
    if (err != ERR_OK) {
        bool full = err == ERR_LIMIT;
        diag_add(diags, SEVERITY_ERROR, (struct place){0},
                 full ? "raise LimitNOFILE in the unit, or ulimit -n" : NULL,
                 "cannot make %u workers: %s", (unsigned)server->workers,
                 full ? "no file descriptor is left" : error_text(err));
    }
    return err;
}

int server_open(const struct alloc *alloc, const struct desired *desired,
                const struct server_options *options, struct publish *publish,
                struct diag_list *diags, struct server **out)
{
    ASSERT(desired->listener_count <= LIMIT_LISTENERS);
    int err = duplicates_refuse(desired, diags);
    if (err != ERR_OK) {
        return err;
    }
    struct server *server = mem_new_zero(alloc, 1, sizeof *server);
    if (!server) {
        diag_add(diags, SEVERITY_ERROR, (struct place){0}, NULL, "%s", error_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    server->shared.alloc = alloc;
    server->shared.publish = publish;
    server->shared.ledger = options->ledger;
    err = server_build(server, desired, options, diags);
    for (uint32_t i = 0; i < desired->listener_count && err == ERR_OK; i++) {
        err = slot_open(server, i, desired, &desired->listeners[i], diags);
    }
    if (err != ERR_OK) {
        server_free(server);
        return err;
    }
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        slot_serve(server, i);
    }
    *out = server;
    return ERR_OK;
}

int server_start(struct server *server)
{
    int err = ERR_OK;
    for (uint32_t i = 0; i < server->workers && err == ERR_OK; i++) {
        err = udp_start(server->udp[i]);
        if (err == ERR_OK) {
            err = tcp_start(server->tcp[i]);
        }
    }
    if (err != ERR_OK) {
        server_stop(server);
        return err;
    }
    server->started = true;
    return ERR_OK;
}

/* The slot that serves a listener already, else one that nobody uses; SERVER_SLOTS if none. */
static unsigned slot_find(const struct server *server, const struct desired_listener *listener)
{
    unsigned unused = SERVER_SLOTS;
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        const struct slot *own = &server->shared.slots[slot];
        if (server->state[slot] == SLOT_SERVED && server->going[slot] &&
            endpoint_same(listener, &own->endpoint.address, own->wanted_port)) {
            return slot;
        }
        if (unused == SERVER_SLOTS && server->state[slot] == SLOT_FREE &&
            atomic_load_explicit(&own->users, memory_order_acquire) == 0) {
            unused = slot;
        }
    }
    return unused;
}

static int retarget_one(struct server *server, const struct desired *desired,
                        struct desired_listener *listener, struct diag_list *diags)
{
    unsigned slot = slot_find(server, listener);
    if (slot == SERVER_SLOTS) {
        diag_add(diags, SEVERITY_ERROR, listener->place, "reload again in a few seconds",
                 "listeners of an earlier reload are still finishing their connections");
        return ERR_LIMIT;
    }
    listener->slot = (uint16_t)slot;
    if (server->state[slot] == SLOT_SERVED) {
        server->going[slot] = false;
        return ERR_OK;
    }
    return slot_open(server, slot, desired, listener, diags);
}

int server_retarget_prepare(struct server *server, struct desired *desired, struct diag_list *diags)
{
    ASSERT(server->started && !server->prepared);
    ASSERT(desired->listener_count <= LIMIT_LISTENERS);
    int err = duplicates_refuse(desired, diags);
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        server->going[slot] = server->state[slot] == SLOT_SERVED;
    }
    for (uint32_t i = 0; i < desired->listener_count && err == ERR_OK; i++) {
        err = retarget_one(server, desired, &desired->listeners[i], diags);
    }
    server->prepared = true;
    if (err != ERR_OK) {
        server_retarget_abort(server);
    }
    return err;
}

void server_retarget_commit(struct server *server)
{
    ASSERT(server->prepared);
    server->prepared = false;
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        if (server->state[slot] == SLOT_OPENED) {
            slot_serve(server, slot);
        } else if (server->state[slot] == SLOT_SERVED && server->going[slot]) {
            slot_end(server, slot);
        }
    }
}

void server_retarget_abort(struct server *server)
{
    ASSERT(server->prepared);
    server->prepared = false;
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        if (server->state[slot] == SLOT_OPENED) {
            slot_close(server, slot);
        }
    }
}

static void orders_end(struct orders *orders)
{
    atomic_store_explicit(&orders->stop, true, memory_order_relaxed);
    atomic_fetch_add_explicit(&orders->version, 1, memory_order_release);
}

void server_stop(struct server *server)
{
    for (uint32_t i = 0; i < server->workers; i++) {
        orders_end(udp_orders(server->udp[i]));
        orders_end(tcp_orders(server->tcp[i]));
    }
    for (uint32_t i = 0; i < server->workers; i++) {
        udp_join(server->udp[i]);
        tcp_join(server->tcp[i]);
    }
    server->started = false;
}

void server_free(struct server *server)
{
    if (!server) {
        return;
    }
    const struct alloc *alloc = server->shared.alloc;
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        if (server->state[slot] == SLOT_OPENED) {
            slot_close(server, slot);
        }
    }
    for (uint32_t i = 0; i < server->workers; i++) {
        if (server->udp) {
            udp_free(server->udp[i]);
        }
        if (server->tcp) {
            tcp_free(server->tcp[i]);
        }
    }
    seats_free(server->shared.seats);
    mem_free(alloc, server->udp);
    mem_free(alloc, server->tcp);
    mem_free(alloc, server->opened);
    mem_free(alloc, server->inherited);
    mem_free(alloc, server);
}

int server_listener_port(const struct server *server, unsigned slot)
{
    ASSERT(slot < SERVER_SLOTS);
    return server->shared.slots[slot].endpoint.port;
}

uint64_t server_counter(const struct server *server, enum counter counter, int view)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < server->workers; i++) {
        sum += counters_read(udp_counters(server->udp[i]), counter, view);
        sum += counters_read(tcp_counters(server->tcp[i]), counter, view);
    }
    return sum;
}

uint32_t server_worker_count(const struct server *server)
{
    return server->workers;
}

uint32_t server_tcp_open(const struct server *server)
{
    return seats_taken(server->shared.seats);
}
