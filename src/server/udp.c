/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/udp.h"

#include "answer/ahead.h"
#include "base/error.h"
#include "base/random.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "server/spawn.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH = 64,
    QUERY_BYTES = 4096,              /* the largest EDNS payload that can be configured */
    QUERY_STRIDE = QUERY_BYTES + 64, /* an odd number of cache lines */
    REPLY_BYTES = 4096,              /* what answer() asks for over UDP */
    REPLY_ALIGN = 64,
    CONTROL_BYTES = CMSG_SPACE(sizeof(struct in6_pktinfo)),
    DRAIN_MS = 200, /* a full receive buffer takes a tenth of it */
};

struct udp_worker {
    struct shared *shared;
    struct orders orders;
    unsigned orders_seen;
    unsigned serving;                 /* how many sockets ... */
    unsigned slot[SERVER_SLOTS];      /* ... of these slots */
    struct pollfd wait[SERVER_SLOTS]; /* ... and they themselves */
    int socket[SERVER_SLOTS];         /* descriptor + 1, as obeyed */
    struct random random;
    pthread_t thread;
    bool running;
    char name[SPAWN_NAME_BYTES];
    char apart[64];
    struct counters counters;
    struct told_list told;
    struct mmsghdr query[BATCH], reply[BATCH];
    struct iovec query_piece[BATCH], reply_piece[BATCH];
    union socket_name peer[BATCH];
    _Alignas(8) uint8_t control[BATCH][CONTROL_BYTES];
    uint8_t query_bytes[BATCH][QUERY_STRIDE];
    uint8_t reply_bytes[BATCH * REPLY_BYTES];
};

/* A wildcard socket replies from the address that the query was sent to, on whatever interface the
 * route says; a link-local address means nothing without its interface. */
static void reply_address_keep(struct msghdr *header)
{
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(item);
            info->ipi_ifindex = 0;
        } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(item);
            if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) {
                info->ipi6_ifindex = 0;
            }
        }
    }
}

/* Address of the peer into the client; false when nobody can be there (port 0). */
static inline bool peer_read(const union socket_name *peer, struct client *client)
{
    if (peer->base.sa_family == AF_INET) {
        memset(client->address.bytes, 0, 10);
        memset(client->address.bytes + 10, 0xff, 2);
        memcpy(client->address.bytes + 12, &peer->v4.sin_addr, 4);
        return peer->v4.sin_port != 0;
    }
    memcpy(client->address.bytes, &peer->v6.sin6_addr, 16);
    return peer->v6.sin6_port != 0;
}

static inline void reply_prepare(struct udp_worker *worker, unsigned from, unsigned to,
                                 uint8_t *bytes, size_t len)
{
    struct msghdr *query = &worker->query[from].msg_hdr;
    struct msghdr *reply = &worker->reply[to].msg_hdr;
    worker->reply_piece[to] = (struct iovec){bytes, len};
    reply->msg_name = query->msg_name;
    reply->msg_namelen = query->msg_namelen;
    reply->msg_control = NULL;
    reply->msg_controllen = 0;
    if (query->msg_controllen > 0) {
        reply_address_keep(query);
        reply->msg_control = query->msg_control;
        reply->msg_controllen = query->msg_controllen;
    }
}

/* Fetches what the queries from `first` on will read of a large tree. */
static void batch_ahead(struct udp_worker *worker, const struct snapshot *snapshot,
                        struct client *client, unsigned first, unsigned received)
{
    struct ahead ahead;
    ahead_init(&ahead, snapshot);
    for (unsigned i = first; i < received && i < first + AHEAD_QUERIES; i++) {
        if (peer_read(&worker->peer[i], client)) {
            ahead_add(&ahead, client, worker->query_bytes[i], worker->query[i].msg_len);
        }
    }
    ahead_run(&ahead);
}

/* What the replies took is noted, as sent now. */
static void told_note(struct udp_worker *worker)
{
    struct ledger *ledger = worker->shared->ledger;
    if (worker->told.count > 0) {
        ledger_note(ledger, &worker->told, ledger_second(ledger, clock_mono()));
    }
}

/* Answers `received` queries with one snapshot; returns how many replies there are. */
static unsigned batch_answer(struct udp_worker *worker, unsigned slot, unsigned received)
{
    const struct snapshot *snapshot = publish_load(worker->shared->publish);
    struct client client = {.listener = (uint16_t)slot, .transport = TRANSPORT_UDP};
    uint8_t *room = worker->reply_bytes;
    struct told_list *told = worker->shared->ledger ? &worker->told : NULL;
    bool ahead = received > 1 && snapshot->tree_bytes >= AHEAD_TREE_BYTES;
    unsigned replies = 0;
    for (unsigned i = 0; i < received; i++) {
        if (ahead && i % AHEAD_QUERIES == 0) {
            batch_ahead(worker, snapshot, &client, i, received);
        }
        if (!peer_read(&worker->peer[i], &client)) {
            counters_bump(&worker->counters, COUNTER_NO_VIEW, COUNTER_DROPPED);
            continue;
        }
        struct outcome outcome;
        size_t len = answer(snapshot, &client, worker->query_bytes[i], worker->query[i].msg_len,
                            random_next(&worker->random), room, REPLY_BYTES, &outcome, told, NULL);
        if (worker->told.count >= TOLD_ENOUGH) {
            told_note(worker);
        }
        counters_note(&worker->counters, COUNTER_QUERIES_UDP, &outcome);
        if (len > 0) {
            reply_prepare(worker, i, replies++, room, len);
            room += (len + REPLY_ALIGN - 1) & ~(size_t)(REPLY_ALIGN - 1);
        }
    }
    return replies;
}

/* Sends all replies; one that the kernel does not take is counted and passed over. */
static void batch_send(struct udp_worker *worker, int fd, unsigned replies)
{
    for (unsigned sent = 0; sent < replies;) {
        int done = sendmmsg(fd, worker->reply + sent, replies - sent, 0);
        if (done > 0) {
            sent += (unsigned)done;
        } else if (errno != EINTR) {
            counters_bump(&worker->counters, COUNTER_NO_VIEW, COUNTER_SEND_FAILED);
            sent++;
        }
    }
}

/* What the kernel shortened is made whole for the next receive. */
static void batch_reset(struct udp_worker *worker, unsigned received)
{
    for (unsigned i = 0; i < received; i++) {
        worker->query[i].msg_hdr.msg_namelen = sizeof worker->peer[i];
        if (worker->query[i].msg_hdr.msg_control) {
            worker->query[i].msg_hdr.msg_controllen = CONTROL_BYTES;
        }
    }
}

/* Asks for the addresses of datagrams only where a wildcard socket tells them. */
static void batch_control(struct udp_worker *worker, bool wanted)
{
    if (wanted == (worker->query[0].msg_hdr.msg_control != NULL)) {
        return;
    }
    for (unsigned i = 0; i < BATCH; i++) {
        worker->query[i].msg_hdr.msg_control = wanted ? worker->control[i] : NULL;
        worker->query[i].msg_hdr.msg_controllen = wanted ? CONTROL_BYTES : 0;
    }
}

/* One batch from one socket. The thread is offline on entry and on return. Returns the number of
 * datagrams. */
static unsigned batch_serve(struct udp_worker *worker, unsigned slot, int flags)
{
    int fd = worker->socket[slot] - 1;
    batch_control(worker, worker->shared->slots[slot].wildcard);
    int received = recvmmsg(fd, worker->query, BATCH, flags, NULL);
    if (received <= 0) {
        return 0;
    }
    publish_online();
    unsigned replies = batch_answer(worker, slot, (unsigned)received);
    batch_send(worker, fd, replies);
    told_note(worker); /* while nobody can take apart what was sent */
    publish_offline();
    batch_reset(worker, (unsigned)received);
    return (unsigned)received;
}

/* Answers what a socket holds, for a bounded time: more keeps coming while we do. */
static void socket_drain(struct udp_worker *worker, unsigned slot)
{
    struct mono end = mono_add(clock_mono(), duration_from_ms(DRAIN_MS));
    while (batch_serve(worker, slot, MSG_DONTWAIT) > 0 && mono_before(clock_mono(), end)) {
    }
}

static void socket_take(struct udp_worker *worker, unsigned slot, int entry)
{
    worker->socket[slot] = entry;
}

static void socket_drop(struct udp_worker *worker, unsigned slot)
{
    socket_drain(worker, slot);
    close(worker->socket[slot] - 1);
    worker->socket[slot] = 0;
    orders_done(&worker->orders, slot);
    slot_leave(worker->shared, slot);
}

/* Brings the sockets in line with the orders; false: stop. */
static bool orders_obey(struct udp_worker *worker)
{
    if (!orders_changed(&worker->orders, &worker->orders_seen)) {
        return true;
    }
    worker->serving = 0;
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        int entry = orders_socket(&worker->orders, slot);
        if (entry != 0 && !worker->socket[slot]) {
            socket_take(worker, slot, abs(entry));
        }
        if (entry < 0) {
            socket_drop(worker, slot);
        }
        if (worker->socket[slot]) {
            worker->slot[worker->serving] = slot;
            worker->wait[worker->serving++] =
                (struct pollfd){.fd = worker->socket[slot] - 1, .events = POLLIN};
        }
    }
    return !orders_stop(&worker->orders);
}

/* Not epoll: a socket in such a set wakes it for each datagram sent, too, which costs as much as
 * answering does. */
static void sockets_wait(struct udp_worker *worker)
{
    int ready = poll(worker->wait, worker->serving, THREAD_NAP_MS);
    for (unsigned i = 0; ready > 0 && i < worker->serving; i++) {
        if (worker->wait[i].revents) {
            batch_serve(worker, worker->slot[i], MSG_DONTWAIT);
            ready--;
        }
    }
}

static void *udp_run(void *arg)
{
    struct udp_worker *worker = arg;
    publish_thread_register();
    publish_offline();
    while (orders_obey(worker)) {
        if (worker->serving == 1) {
            batch_serve(worker, worker->slot[0], MSG_WAITFORONE);
        } else {
            sockets_wait(worker);
        }
    }
    for (unsigned slot = 0; slot < SERVER_SLOTS; slot++) {
        if (worker->socket[slot]) {
            socket_drop(worker, slot);
        }
    }
    publish_thread_unregister();
    return NULL;
}

static void batch_init(struct udp_worker *worker)
{
    for (unsigned i = 0; i < BATCH; i++) {
        worker->query_piece[i] = (struct iovec){worker->query_bytes[i], QUERY_BYTES};
        worker->query[i].msg_hdr = (struct msghdr){.msg_name = &worker->peer[i],
                                                   .msg_namelen = sizeof worker->peer[i],
                                                   .msg_iov = &worker->query_piece[i],
                                                   .msg_iovlen = 1};
        worker->reply[i].msg_hdr =
            (struct msghdr){.msg_iov = &worker->reply_piece[i], .msg_iovlen = 1};
    }
}

int udp_new(struct shared *shared, unsigned index, struct udp_worker **out)
{
    struct udp_worker *worker = mem_new_zero(shared->alloc, 1, sizeof *worker);
    if (!worker) {
        return ERR_NOMEM;
    }
    worker->shared = shared;
    random_seed(&worker->random, entropy_seed());
    spawn_name(worker->name, "udp", index);
    batch_init(worker);
    *out = worker;
    return ERR_OK;
}

void udp_free(struct udp_worker *worker)
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
    mem_free(worker->shared->alloc, worker);
}

struct orders *udp_orders(struct udp_worker *worker)
{
    return &worker->orders;
}

const struct counters *udp_counters(const struct udp_worker *worker)
{
    return &worker->counters;
}

int udp_start(struct udp_worker *worker)
{
    int err = spawn_thread(&worker->thread, worker->name, udp_run, worker);
    worker->running = err == ERR_OK;
    return err;
}

void udp_join(struct udp_worker *worker)
{
    if (worker->running) {
        pthread_join(worker->thread, NULL);
        worker->running = false;
    }
}
