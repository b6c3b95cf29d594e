/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/tcp.h"

#include "base/error.h"
#include "io/clock.h"
#include "server/connection.h"
#include "server/spawn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    ACCEPT_BATCH = 64,     /* connections accepted before others get their turn */
    ACCEPT_PAUSE_MS = 100, /* when the system has no descriptor or memory left */
    LEAVE_NAP_MS = 10,     /* how often those that leave are looked at */
};

struct tcp_worker {
    struct shared *shared;
    struct orders orders;
    unsigned orders_seen;
    int epoll;
    int socket[SERVER_SLOTS];           /* descriptor + 1, as obeyed */
    uint32_t connections[SERVER_SLOTS]; /* accepted from each */
    struct connection *first;
    uint32_t leaving;
    struct mono leave_end, accept_again;
    bool accept_paused;
    pthread_t thread;
    bool running;
    char name[SPAWN_NAME_BYTES];
    char apart[64];
    struct counters counters;
    struct desk desk;
};

static void count(struct tcp_worker *worker, enum counter counter)
{
    counters_bump(&worker->counters, COUNTER_NO_VIEW, counter);
}

static void events_want(struct tcp_worker *worker, int fd, uint64_t tag, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = tag};
    (void)epoll_ctl(worker->epoll, EPOLL_CTL_MOD, fd, &event);
}

static void connection_link(struct tcp_worker *worker, struct connection *connection)
{
    connection->next = worker->first;
    if (worker->first) {
        worker->first->prev = connection;
    }
    worker->first = connection;
    worker->connections[connection->slot]++;
}

static void connection_close(struct tcp_worker *worker, struct connection *connection)
{
    unsigned slot = connection->slot;
    if (seat_is_lost(connection->seat)) {
        count(worker, COUNTER_TCP_EVICTED);
    }
    if (connection->prev) {
        connection->prev->next = connection->next;
    } else {
        worker->first = connection->next;
    }
    if (connection->next) {
        connection->next->prev = connection->prev;
    }
    if (connection->leaving) {
        worker->leaving--;
    }
    connection_free(&worker->desk, connection);
    if (--worker->connections[slot] == 0 && !worker->socket[slot]) {
        slot_leave(worker->shared, slot);
    }
}

/* Gives a new connection its seat; a descriptor that gets none is closed at once. */
static void connection_admit(struct tcp_worker *worker, unsigned slot, int fd,
                             const struct address *peer)
{
    struct desk *desk = &worker->desk;
    count(worker, COUNTER_TCP_ACCEPTED);
    struct seat *seat = seats_take(worker->shared->seats, peer, fd, desk->now);
    struct connection *connection = NULL;
    if (seat) {
        connection = connection_new(desk, fd, seat, slot, peer);
        if (!connection) {
            seats_leave(worker->shared->seats, seat);
        }
    }
    if (!connection) {
        count(worker, COUNTER_TCP_REFUSED);
        close(fd);
        return;
    }
    connection_link(worker, connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        count(worker, COUNTER_TCP_REFUSED);
        connection_close(worker, connection);
    }
}

static void listening_pause(struct tcp_worker *worker, bool pause)
{
    worker->accept_paused = pause;
    worker->accept_again = mono_add(worker->desk.now, duration_from_ms(ACCEPT_PAUSE_MS));
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        if (worker->socket[slot]) {
            events_want(worker, worker->socket[slot] - 1, slot, pause ? 0 : EPOLLIN);
        }
    }
}

/* Accepts up to `most`; false when nothing waits any more. */
static bool connections_accept(struct tcp_worker *worker, unsigned slot, unsigned most)
{
    for (unsigned i = 0; i < most; i++) {
        union socket_name name;
        socklen_t len = sizeof name;
        int fd = accept4(worker->socket[slot] - 1, &name.base, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            struct endpoint peer = endpoint_from_name(&name);
            connection_admit(worker, slot, fd, &peer.address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            listening_pause(worker, true);
            return false;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return false;
        } /* else: that connection is gone already */
    }
    return true;
}

static void connection_event(struct tcp_worker *worker, struct connection *connection)
{
    bool stuck = connection_is_stuck(connection);
    bool goes_on = stuck ? connection_write(&worker->desk, connection)
                         : connection_read(&worker->desk, connection);
    if (!goes_on) {
        connection_close(worker, connection);
    } else if (stuck != connection_is_stuck(connection)) {
        events_want(worker, connection->fd, (uintptr_t)connection, stuck ? EPOLLIN : EPOLLOUT);
    }
}

static void deadlines_enforce(struct tcp_worker *worker)
{
    static const enum counter reason[WAIT_COUNT] = {
        [WAIT_FIRST_BYTE] = COUNTER_TCP_SLOW,
        [WAIT_MESSAGE] = COUNTER_TCP_SLOW,
        [WAIT_IDLE] = COUNTER_TCP_IDLE,
        [WAIT_WRITE] = COUNTER_TCP_STUCK,
    };
    for (int wait = 0; wait < WAIT_COUNT; wait++) {
        struct deadline *over;
        while ((over = deadline_expired(&worker->desk.waits[wait], worker->desk.now))) {
            count(worker, reason[wait]);
            connection_close(worker, connection_of(over));
        }
    }
}

/* Closes the leaving connections with nothing under way, and all of them when their time is over.
 */
static void leavers_see_off(struct tcp_worker *worker)
{
    bool late = !mono_before(worker->desk.now, worker->leave_end);
    struct connection *next;
    for (struct connection *connection = worker->first; connection && worker->leaving > 0;
         connection = next) {
        next = connection->next;
        if (connection->leaving && (late || connection_is_quiet(connection))) {
            connection_close(worker, connection);
        }
    }
}

static int turn_wait_ms(const struct tcp_worker *worker)
{
    struct duration wait = duration_from_ms(worker->leaving > 0 ? LEAVE_NAP_MS : THREAD_NAP_MS);
    for (int i = 0; i < WAIT_COUNT; i++) {
        wait = deadline_next(&worker->desk.waits[i], worker->desk.now, wait);
    }
    return (int)((wait.ns + 999999) / 1000000);
}

/* Waits for events and serves them with one snapshot. */
static void turn(struct tcp_worker *worker)
{
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(worker->epoll, events, EVENTS, turn_wait_ms(worker));
    publish_online();
    worker->desk.snapshot = publish_load(worker->shared->publish);
    worker->desk.now = clock_mono();
    for (int i = 0; i < ready; i++) {
        if (events[i].data.u64 >= SERVER_SLOTS) {
            connection_event(worker, events[i].data.ptr);
        } else if (worker->socket[events[i].data.u64]) {
            (void)connections_accept(worker, (unsigned)events[i].data.u64, ACCEPT_BATCH);
        }
    }
    deadlines_enforce(worker);
    leavers_see_off(worker);
    publish_offline();
    if (worker->accept_paused && !mono_before(worker->desk.now, worker->accept_again)) {
        listening_pause(worker, false);
    }
}

static void socket_take(struct tcp_worker *worker, unsigned slot, int entry)
{
    worker->socket[slot] = entry;
    events_want(worker, entry - 1, slot, EPOLLIN);
}

/* Accepts what waits, closes the socket, and lets its connections finish. */
static void socket_drop(struct tcp_worker *worker, unsigned slot)
{
    worker->desk.now = clock_mono();
    while (connections_accept(worker, slot, ACCEPT_BATCH) &&
           mono_since(clock_mono(), worker->desk.now).ns < duration_from_ms(THREAD_NAP_MS).ns) {
    }
    int fd = worker->socket[slot] - 1;
    worker->socket[slot] = 0;
    /* By hand: a descriptor of a shared socket does not leave the set by being closed. */
    (void)epoll_ctl(worker->epoll, EPOLL_CTL_DEL, fd, NULL);
    close(fd);
    orders_done(&worker->orders, slot);
    worker->leave_end = mono_add(worker->desk.now, duration_from_ms(THREAD_DRAIN_MS));
    for (struct connection *each = worker->first; each; each = each->next) {
        if (each->slot == slot && !each->leaving) {
            each->leaving = true;
            worker->leaving++;
        }
    }
    if (worker->connections[slot] == 0) {
        slot_leave(worker->shared, slot);
    }
}

/* Brings the sockets in line with the orders; false: stop. */
static bool orders_obey(struct tcp_worker *worker)
{
    if (!orders_changed(&worker->orders, &worker->orders_seen)) {
        return true;
    }
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        int entry = orders_socket(&worker->orders, slot);
        if (entry != 0 && !worker->socket[slot]) {
            socket_take(worker, slot, abs(entry));
        }
        if (entry < 0) {
            socket_drop(worker, slot);
        }
    }
    return !orders_stop(&worker->orders);
}

static void *tcp_run(void *arg)
{
    struct tcp_worker *worker = arg;
    publish_thread_register();
    publish_offline();
    worker->desk.now = clock_mono();
    while (orders_obey(worker)) {
        turn(worker);
    }
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        if (worker->socket[slot]) {
            socket_drop(worker, slot);
        }
    }
    while (worker->first) {
        turn(worker);
    }
    publish_thread_unregister();
    return NULL;
}

int tcp_new(struct shared *shared, unsigned index, struct tcp_worker **out)
{
    struct tcp_worker *worker = mem_new_zero(shared->alloc, 1, sizeof *worker);
    if (!worker) {
        return ERR_NOMEM;
    }
    worker->shared = shared;
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (worker->epoll < 0) {
        int err = socket_error(errno);
        mem_free(shared->alloc, worker);
        return err;
    }
    desk_init(&worker->desk, shared, &worker->counters);
    spawn_name(worker->name, "tcp", index);
    *out = worker;
    return ERR_OK;
}

void tcp_free(struct tcp_worker *worker)
{
    if (!worker) {
        return;
    }
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        int entry = orders_socket(&worker->orders, slot);
        if (entry != 0) {
            close(abs(entry) - 1);
        }
    }
    close(worker->epoll);
    mem_free(worker->shared->alloc, worker);
}

int tcp_watch(struct tcp_worker *worker, unsigned slot, int fd)
{
    struct epoll_event event = {.events = 0, .data.u64 = slot};
    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? ERR_OK : socket_error(errno);
}

void tcp_forget(struct tcp_worker *worker, int fd)
{
    (void)epoll_ctl(worker->epoll, EPOLL_CTL_DEL, fd, NULL);
    close(fd);
}

struct orders *tcp_orders(struct tcp_worker *worker)
{
    return &worker->orders;
}

const struct counters *tcp_counters(const struct tcp_worker *worker)
{
    return &worker->counters;
}

int tcp_start(struct tcp_worker *worker)
{
    int err = spawn_thread(&worker->thread, worker->name, tcp_run, worker);
    worker->running = err == ERR_OK;
    return err;
}

void tcp_join(struct tcp_worker *worker)
{
    if (worker->running) {
        pthread_join(worker->thread, NULL);
        worker->running = false;
    }
}
