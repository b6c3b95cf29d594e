/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The load over UDP: each socket in turn hands in what came back and sends as many again, in one
 * system call each way. A round in which nothing came spins for a moment before it sleeps: a
 * generator that sleeps at once would make the server pay for waking it.
 */
#include "drive.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH = 64,
    DATAGRAM_MAX_BYTES = 1500,
    NS_PER_MS = 1000000,
    SWEEP_INTERVAL_MS = 50,
    SPIN_PAUSES = 64,      /* between two looks at the sockets, about a microsecond */
    SPIN_ROUNDS_MAX = 256, /* then sleep */
};

struct udp_socket {
    int descriptor;
    struct drive_client *client;
    struct flight flight;
};

/* The scratch space of one batch; the sockets take turns with it. */
struct udp_batch {
    uint8_t buffers[BATCH][DATAGRAM_MAX_BYTES];
    struct iovec incoming_pieces[BATCH];
    struct mmsghdr incoming[BATCH];
    struct iovec outgoing_pieces[BATCH];
    struct mmsghdr outgoing[BATCH];
    struct flight_slot *slots[BATCH];
};

static struct udp_socket sockets[DRIVE_SOCKETS_MAX];
static struct pollfd watched[DRIVE_SOCKETS_MAX];
static struct udp_batch batch;

static void batch_prepare(void)
{
    for (int i = 0; i < BATCH; i++) {
        batch.incoming_pieces[i] = (struct iovec){batch.buffers[i], DATAGRAM_MAX_BYTES};
        batch.incoming[i].msg_hdr.msg_iov = &batch.incoming_pieces[i];
        batch.incoming[i].msg_hdr.msg_iovlen = 1;
        batch.outgoing[i].msg_hdr.msg_iov = &batch.outgoing_pieces[i];
        batch.outgoing[i].msg_hdr.msg_iovlen = 1;
    }
}

static bool sockets_open(struct drive *drive)
{
    uint32_t window = drive->options.window / drive->options.sockets;
    for (uint32_t i = 0; i < drive->options.sockets; i++) {
        sockets[i].client = &drive->clients[i % drive->client_count];
        sockets[i].descriptor = drive_connect(drive, sockets[i].client);
        if (sockets[i].descriptor < 0) {
            return false;
        }
        flight_init(&sockets[i].flight, window);
        watched[i] = (struct pollfd){.fd = sockets[i].descriptor, .events = POLLIN};
    }
    return true;
}

/* True after a failure that is no more than "not now"; says what it was otherwise. */
static bool socket_may_retry(const char *what)
{
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
        return true;
    }
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    return false;
}

/* Takes what has come in; returns how many messages, or -1 if the socket failed. */
static int socket_receive(struct drive *drive, struct udp_socket *udp)
{
    if (flight_busy_count(&udp->flight) == 0) {
        return 0;
    }
    int count = recvmmsg(udp->descriptor, batch.incoming, BATCH, MSG_DONTWAIT, NULL);
    if (count < 0) {
        return socket_may_retry("receive") ? 0 : -1;
    }
    uint64_t now_ns = drive_clock_ns();
    for (int i = 0; i < count; i++) {
        drive_receive(drive, &udp->flight, batch.buffers[i], batch.incoming[i].msg_len, now_ns);
    }
    return count;
}

/* Sends what pace and window allow; returns how many messages, or -1 if the socket failed. */
static int socket_send(struct drive *drive, struct udp_socket *udp, uint64_t now_ns)
{
    uint32_t room = udp->flight.free_count < BATCH ? udp->flight.free_count : BATCH;
    uint32_t count = drive_allowance(drive, now_ns, room);
    if (count == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        batch.slots[i] = drive_start(drive, udp->client, &udp->flight, now_ns);
        batch.outgoing_pieces[i] =
            (struct iovec){batch.slots[i]->query->bytes, batch.slots[i]->query->length_bytes};
    }
    int sent = sendmmsg(udp->descriptor, batch.outgoing, count, MSG_DONTWAIT);
    if (sent < 0 && !socket_may_retry("send")) {
        return -1;
    }
    sent = sent < 0 ? 0 : sent;
    for (uint32_t i = count; i > (uint32_t)sent; i--) {
        drive_unstart(drive, &udp->flight, batch.slots[i - 1]);
    }
    return sent;
}

/* One round over all sockets; returns messages moved, or -1. */
static int sockets_turn(struct drive *drive)
{
    int moved = 0;
    for (uint32_t i = 0; i < drive->options.sockets; i++) {
        int received = socket_receive(drive, &sockets[i]);
        int sent = received < 0 ? -1 : socket_send(drive, &sockets[i], drive_clock_ns());
        if (sent < 0) {
            return -1;
        }
        moved += received + sent;
    }
    return moved;
}

static uint32_t sockets_busy_count(const struct drive *drive)
{
    uint32_t busy = 0;
    for (uint32_t i = 0; i < drive->options.sockets; i++) {
        busy += flight_busy_count(&sockets[i].flight);
    }
    return busy;
}

static void sockets_expire(struct drive *drive, uint64_t now_ns)
{
    uint64_t timeout_ns = (uint64_t)drive->options.timeout_ms * NS_PER_MS;
    for (uint32_t i = 0; i < drive->options.sockets; i++) {
        drive->tally.lost += flight_expire(&sockets[i].flight, now_ns - timeout_ns);
    }
}

/* Lets the core rest for some cycles without leaving it. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("" ::: "memory");
#endif
}

/* Waits after a round that moved nothing, the `idle`th in a row. */
static void sockets_idle(const struct drive *drive, uint32_t idle)
{
    if (idle <= SPIN_ROUNDS_MAX || drive->options.rate_qps > 0) {
        for (int i = 0; i < SPIN_PAUSES; i++) {
            cpu_relax();
        }
        return;
    }
    poll(watched, drive->options.sockets, 1);
}

bool drive_udp(struct drive *drive)
{
    batch_prepare();
    if (!sockets_open(drive)) {
        return false;
    }
    drive_begin(drive);
    uint64_t now_ns = drive->start_ns;
    uint64_t sweep_ns = now_ns;
    uint32_t idle = 0;
    while (drive_goes_on(drive, now_ns, sockets_busy_count(drive))) {
        int moved = sockets_turn(drive);
        if (moved < 0) {
            return false;
        }
        idle = moved > 0 ? 0 : idle + 1;
        if (idle > 0) {
            sockets_idle(drive, idle);
        }
        now_ns = drive_clock_ns();
        if (now_ns - sweep_ns > (uint64_t)SWEEP_INTERVAL_MS * NS_PER_MS) {
            sockets_expire(drive, now_ns);
            sweep_ns = now_ns;
        }
    }
    drive->tally.lost += sockets_busy_count(drive);
    for (uint32_t i = 0; i < drive->options.sockets; i++) {
        close(sockets[i].descriptor);
    }
    return true;
}
