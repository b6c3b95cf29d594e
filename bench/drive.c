/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Pace, matching and accounting of a load run, the same over UDP and TCP; see drive.h.
 */
#include "drive.h"

#include "reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    NS_PER_MS = 1000000,
    SOCKET_BUFFER_BYTES = 4 << 20
};
static const double ns_per_s = 1e9;

uint64_t drive_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* xorshift64*: which replies are read in full must not cost much, and must repeat. */
static uint64_t drive_random(struct drive *drive)
{
    uint64_t x = drive->random_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    drive->random_state = x;
    return x * 2685821657736338717U;
}

void drive_begin(struct drive *drive)
{
    drive->random_state = drive->options.seed * 2 + 1; /* never 0, where xorshift stays */
    for (uint32_t i = 0; i < drive->client_count; i++) {
        struct drive_client *client = &drive->clients[i];
        client->cursor = (uint32_t)((drive_random(drive) >> 32) % client->set.count);
    }
    drive->start_ns = drive_clock_ns();
    drive->end_ns = drive->start_ns + (uint64_t)(drive->options.duration_s * ns_per_s);
}

static uint64_t pace_instant_ns(const struct drive *drive, uint64_t number)
{
    return drive->start_ns + (uint64_t)((double)number * ns_per_s / drive->options.rate_qps);
}

uint32_t drive_allowance(const struct drive *drive, uint64_t now_ns, uint32_t wanted)
{
    if (now_ns >= drive->end_ns) {
        return 0;
    }
    if (drive->options.rate_qps <= 0) {
        return wanted;
    }
    double elapsed_s = (double)(now_ns - drive->start_ns) / ns_per_s;
    uint64_t due = (uint64_t)(elapsed_s * drive->options.rate_qps) + 1;
    uint64_t behind = due > drive->paced ? due - drive->paced : 0;
    return behind < wanted ? (uint32_t)behind : wanted;
}

struct flight_slot *drive_start(struct drive *drive, struct drive_client *client,
                                struct flight *flight, uint64_t now_ns)
{
    struct query *query = &client->set.queries[client->cursor];
    client->cursor = client->cursor + 1 == client->set.count ? 0 : client->cursor + 1;
    bool paced = drive->options.rate_qps > 0;
    uint64_t sent_ns = paced ? pace_instant_ns(drive, drive->paced++) : now_ns;
    struct flight_slot *slot = flight_take(flight, query, sent_ns);
    query->bytes[0] = (uint8_t)(slot->id >> 8);
    query->bytes[1] = (uint8_t)slot->id;
    drive->tally.sent++;
    return slot;
}

void drive_unstart(struct drive *drive, struct flight *flight, struct flight_slot *slot)
{
    flight_release(flight, slot);
    drive->tally.sent--;
    if (drive->options.rate_qps > 0) {
        drive->paced--;
    }
}

static const char *drive_fault(struct drive *drive, const struct query *query, const uint8_t *reply,
                               size_t length)
{
    if (drive->options.echo) {
        return reply_echo_fault(query, reply, length);
    }
    const char *fault = reply_fault(query, reply, length);
    if (fault == NULL && drive_random(drive) % drive->options.sample_one_in == 0) {
        drive->tally.sampled++;
        fault = reply_content_fault(query, reply, length);
    }
    return fault;
}

void drive_receive(struct drive *drive, struct flight *flight, const uint8_t *reply, size_t length,
                   uint64_t now_ns)
{
    struct drive_tally *tally = &drive->tally;
    struct flight_slot *slot = NULL;
    if (length >= QUERY_HEADER_BYTES) {
        slot = flight_find(flight, (uint16_t)(reply[0] << 8 | reply[1]));
    }
    if (slot == NULL) {
        tally->stray++;
        return;
    }
    const char *fault = drive_fault(drive, slot->query, reply, length);
    if (fault != NULL) {
        tally->wrong++;
        tally->first_fault = tally->first_fault != NULL ? tally->first_fault : fault;
    }
    tally->answered++;
    tally->reply_bytes += length;
    tally->rcodes[reply[3] & 0x0f]++;
    latency_add(&tally->latency, now_ns > slot->sent_ns ? now_ns - slot->sent_ns : 0);
    flight_release(flight, slot);
}

int drive_connect(const struct drive *drive, const struct drive_client *client)
{
    int kind = drive->options.tcp ? SOCK_STREAM : SOCK_DGRAM | SOCK_NONBLOCK;
    int descriptor = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    int bytes = SOCKET_BUFFER_BYTES;
    if (descriptor < 0 ||
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) != 0 ||
        bind(descriptor, (const struct sockaddr *)&client->source, sizeof client->source) != 0 ||
        connect(descriptor, (const struct sockaddr *)&drive->options.server,
                sizeof drive->options.server) != 0) {
        fprintf(stderr, "load: cannot open a socket to the server: %s\n", strerror(errno));
        if (descriptor >= 0) {
            close(descriptor);
        }
        return -1;
    }
    return descriptor;
}

bool drive_goes_on(const struct drive *drive, uint64_t now_ns, uint32_t busy)
{
    uint64_t grace_ns = (uint64_t)drive->options.timeout_ms * NS_PER_MS;
    return now_ns < drive->end_ns || (busy > 0 && now_ns < drive->end_ns + grace_ns);
}
