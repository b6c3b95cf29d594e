/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/seats.h"

#include "base/assert.h"
#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
    SEATS_LEAVING =
        64, /* lost seats that are not left yet, beside as many as there are connections */
    SEATS_JUDGED = 4096, /* looked at for one eviction */
    SEATS_HEARD = 4,     /* connections whose kernel buffers are looked at for one newcomer */
    CLIENT_BITS_V6 = 64, /* one customer, however many addresses it makes up */
};

struct holder {
    struct holder *next; /* same bucket, or unused */
    struct address key;
    uint32_t count; /* seats, lost ones not counted */
};

struct seat {
    struct holder *holder; /* NULL: unused, or lost */
    struct seat *next;     /* unused */
    int fd;
    atomic_bool lost;
    atomic_bool proven; /* has sent a whole query */
    atomic_int_least64_t quiet_since;
};

struct seats {
    const struct alloc *alloc;
    struct seats_limits limits;
    struct seats_calls calls;
    pthread_mutex_t mutex;
    atomic_uint taken;
    uint64_t seed;
    uint32_t bucket_mask, size;
    uint32_t next_judged;
    struct holder **buckets;
    struct holder *holders, *holder_unused;
    struct seat *seats, *seat_unused;
};

static struct address client_key(const struct address *peer)
{
    struct address key = *peer;
    if (!address_is_v4(peer)) {
        memset(key.bytes + CLIENT_BITS_V6 / 8, 0, sizeof key.bytes - CLIENT_BITS_V6 / 8);
    }
    return key;
}

/* Two rounds of multiply and fold, keyed: bucket lengths cannot be steered without the seed. */
static uint32_t client_bucket(const struct seats *seats, const struct address *key)
{
    uint64_t half[2];
    memcpy(half, key->bytes, sizeof half);
    unsigned __int128 product =
        (unsigned __int128)(half[0] ^ seats->seed) * (half[1] ^ 0x9e3779b97f4a7c15u);
    uint64_t folded = (uint64_t)product ^ (uint64_t)(product >> 64);
    product = (unsigned __int128)(folded ^ seats->seed) * 0xd6e8feb86659fd93u;
    return ((uint32_t)(product >> 64) ^ (uint32_t)product) & seats->bucket_mask;
}

static struct holder **holder_place(struct seats *seats, const struct address *key)
{
    struct holder **place = &seats->buckets[client_bucket(seats, key)];
    while (*place && memcmp(&(*place)->key, key, sizeof *key) != 0) {
        place = &(*place)->next;
    }
    return place;
}

static struct holder *holder_get(struct seats *seats, const struct address *key)
{
    struct holder **place = holder_place(seats, key);
    if (!*place) {
        struct holder *fresh = seats->holder_unused;
        ASSERT(fresh); /* as many holders as seats */
        seats->holder_unused = fresh->next;
        *fresh = (struct holder){.key = *key};
        *place = fresh;
    }
    return *place;
}

/* One seat less for its holder; a holder without any is forgotten. */
static void seat_unlink(struct seats *seats, struct seat *seat)
{
    struct holder *holder = seat->holder;
    seat->holder = NULL;
    atomic_fetch_sub_explicit(&seats->taken, 1, memory_order_relaxed);
    if (--holder->count > 0) {
        return;
    }
    struct holder **place = holder_place(seats, &holder->key);
    ASSERT(*place == holder);
    *place = holder->next;
    holder->next = seats->holder_unused;
    seats->holder_unused = holder;
}

/* Must `a` go before `b`? */
static bool seat_is_worse(const struct seat *a, const struct seat *b)
{
    if (a->holder->count != b->holder->count) {
        return a->holder->count > b->holder->count;
    }
    bool a_proven = atomic_load_explicit(&a->proven, memory_order_relaxed);
    bool b_proven = atomic_load_explicit(&b->proven, memory_order_relaxed);
    if (a_proven != b_proven) {
        return !a_proven;
    }
    return atomic_load_explicit(&a->quiet_since, memory_order_relaxed) <
           atomic_load_explicit(&b->quiet_since, memory_order_relaxed);
}

static void seat_cut(struct seats *seats, struct seat *seat)
{
    seat_unlink(seats, seat);
    atomic_store_explicit(&seat->lost, true, memory_order_relaxed);
    seats->calls.cut(seat->fd);
}

/* The one that must go first. Looks at all seats of a table of usual size, and at the next few
 * thousand of a huge one, so that a flood of newcomers costs a bounded time each. */
static struct seat *seats_worst(struct seats *seats)
{
    struct seat *worst = NULL;
    for (uint32_t seen = 0; seen < seats->size && (seen < SEATS_JUDGED || !worst); seen++) {
        struct seat *seat = &seats->seats[seats->next_judged];
        seats->next_judged = (seats->next_judged + 1) % seats->size;
        if (seat->holder && (!worst || seat_is_worse(seat, worst))) {
            worst = seat;
        }
    }
    ASSERT(worst);
    return worst;
}

/* Takes a seat from somebody. Who has asked, and waits only because its worker has not got the
 * processor, counts as a newcomer once more. */
static void seats_evict(struct seats *seats, struct mono now)
{
    struct seat *worst = seats_worst(seats);
    for (unsigned heard = 0; heard < SEATS_HEARD; heard++) {
        if (atomic_load_explicit(&worst->proven, memory_order_relaxed) ||
            seats->calls.hear(worst->fd) != SEAT_ASKS) {
            break;
        }
        atomic_store_explicit(&worst->quiet_since, now.ns, memory_order_relaxed);
        worst = seats_worst(seats);
    }
    seat_cut(seats, worst);
}

/* May a client with `count` seats, at least one, have one more? */
static bool seats_has_more(const struct seats *seats, uint32_t count)
{
    const struct seats_limits *limits = &seats->limits;
    return count < limits->per_client && seats_taken(seats) + limits->reserve < limits->connections;
}

/* Takes back the seats of a client that it has left itself, which their workers do not know yet. */
static void seats_take_back(struct seats *seats, const struct holder *holder)
{
    uint32_t left = holder->count; /* forgotten with the last seat */
    unsigned heard = 0;
    for (uint32_t seen = 0; seen < seats->size && seen < SEATS_JUDGED; seen++) {
        struct seat *seat = &seats->seats[seats->next_judged];
        seats->next_judged = (seats->next_judged + 1) % seats->size;
        if (seat->holder != holder) {
            continue;
        }
        if (seats->calls.hear(seat->fd) == SEAT_GONE) {
            left--;
            seat_cut(seats, seat);
        }
        if (left == 0 || ++heard == SEATS_HEARD) {
            return;
        }
    }
}

/* Makes room for a client; false: it must not have one more seat. */
static bool seats_admit(struct seats *seats, const struct address *key, struct mono now)
{
    struct holder *known = *holder_place(seats, key);
    if (known && !seats_has_more(seats, known->count)) {
        seats_take_back(seats, known);
        known = *holder_place(seats, key);
    }
    if (!seats->seat_unused || (known && !seats_has_more(seats, known->count))) {
        return false;
    }
    if (seats_taken(seats) >= seats->limits.connections) {
        seats_evict(seats, now);
    }
    return true;
}

static struct seat *seats_take_locked(struct seats *seats, const struct address *peer, int fd,
                                      struct mono now)
{
    struct address key = client_key(peer);
    if (!seats_admit(seats, &key, now)) {
        return NULL;
    }
    struct holder *holder = holder_get(seats, &key); /* an eviction may have forgotten it */
    struct seat *seat = seats->seat_unused;
    seats->seat_unused = seat->next;
    seat->holder = holder;
    seat->fd = fd;
    atomic_store_explicit(&seat->lost, false, memory_order_relaxed);
    atomic_store_explicit(&seat->proven, false, memory_order_relaxed);
    atomic_store_explicit(&seat->quiet_since, now.ns, memory_order_relaxed);
    holder->count++;
    atomic_fetch_add_explicit(&seats->taken, 1, memory_order_relaxed);
    return seat;
}

struct seat *seats_take(struct seats *seats, const struct address *peer, int fd, struct mono now)
{
    pthread_mutex_lock(&seats->mutex);
    struct seat *seat = seats_take_locked(seats, peer, fd, now);
    pthread_mutex_unlock(&seats->mutex);
    return seat;
}

void seats_leave(struct seats *seats, struct seat *seat)
{
    pthread_mutex_lock(&seats->mutex);
    if (seat->holder) {
        seat_unlink(seats, seat);
    }
    seat->next = seats->seat_unused;
    seats->seat_unused = seat;
    pthread_mutex_unlock(&seats->mutex);
}

uint32_t seats_taken(const struct seats *seats)
{
    return atomic_load_explicit(&seats->taken, memory_order_relaxed);
}

void seat_touch(struct seat *seat, struct mono now)
{
    atomic_store_explicit(&seat->quiet_since, now.ns, memory_order_relaxed);
    atomic_store_explicit(&seat->proven, true, memory_order_relaxed);
}

bool seat_is_lost(const struct seat *seat)
{
    return atomic_load_explicit(&seat->lost, memory_order_relaxed);
}

uint32_t seats_capacity(uint32_t connections)
{
    return 2 * connections + SEATS_LEAVING;
}

/* Chains all entries as unused. */
static void seats_fill(struct seats *seats)
{
    for (uint32_t i = 0; i < seats->size; i++) {
        seats->seats[i].next = seats->seat_unused;
        seats->seat_unused = &seats->seats[i];
        seats->holders[i].next = seats->holder_unused;
        seats->holder_unused = &seats->holders[i];
    }
}

int seats_new(const struct alloc *alloc, const struct seats_limits *limits, uint64_t seed,
              const struct seats_calls *calls, struct seats **out)
{
    ASSERT(limits->connections > 0 && limits->per_client > 0);
    struct seats *seats = mem_new_zero(alloc, 1, sizeof *seats);
    if (!seats) {
        return ERR_NOMEM;
    }
    pthread_mutex_init(&seats->mutex, NULL);
    seats->alloc = alloc;
    seats->limits = *limits;
    seats->calls = *calls;
    seats->seed = seed;
    seats->size = seats_capacity(limits->connections);
    seats->bucket_mask = 63;
    while (seats->bucket_mask < seats->size) {
        seats->bucket_mask = seats->bucket_mask * 2 + 1;
    }
    seats->buckets = mem_new_zero(alloc, seats->bucket_mask + 1u, sizeof(struct holder *));
    seats->holders = mem_new_zero(alloc, seats->size, sizeof *seats->holders);
    seats->seats = mem_new_zero(alloc, seats->size, sizeof *seats->seats);
    if (!seats->buckets || !seats->holders || !seats->seats) {
        seats_free(seats);
        return ERR_NOMEM;
    }
    seats_fill(seats);
    *out = seats;
    return ERR_OK;
}

void seats_free(struct seats *seats)
{
    if (!seats) {
        return;
    }
    pthread_mutex_destroy(&seats->mutex);
    mem_free(seats->alloc, seats->buckets);
    mem_free(seats->alloc, seats->holders);
    mem_free(seats->alloc, seats->seats);
    mem_free(seats->alloc, seats);
}
