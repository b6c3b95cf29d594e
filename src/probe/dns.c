/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * DNS: a query over UDP is answered without error (RFC 1035 4.1). `name` and, behind a blank, a
 * type say what is asked; an address of a server that answers NXDOMAIN or SERVFAIL does not work.
 */
#include "probe/target.h"

#include "base/error.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/type.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* "name [TYPE]" as a question; its length, or 0. */
static size_t question(const char *text, uint8_t out[NAME_MAX + 4])
{
    char name[NAME_TEXT_MAX];
    uint16_t type = TYPE_A;
    const char *blank = strchr(text, ' ');
    size_t len = blank ? (size_t)(blank - text) : strlen(text);
    if (len >= sizeof(name) || (blank && type_from_text(blank + 1, &type) != ERR_OK)) {
        return 0;
    }
    memcpy(name, text, len);
    name[len] = '\0';
    if (name_from_text(name, NULL, out) != ERR_OK) {
        return 0;
    }
    size_t end = name_len(out);
    wire_write16(out + end, type);
    wire_write16(out + end + 2, CLASS_IN);
    return end + 4;
}

static void finish(struct target *target, enum outcome_kind outcome, const char *detail)
{
    target_close(target);
    target_finish(target, outcome, detail);
}

static void on_reply(struct target *target)
{
    const uint8_t *reply = (const uint8_t *)target->read;
    char detail[64];
    target->read_len = 0;
    int got = target_receive(target);
    if (got == -1) {
        return;
    }
    if (got < 0) {
        finish(target, OUTCOME_FAIL, connect_problem(socket_connected(target->fd)));
        return;
    }
    if (got < HEADER_BYTES || wire_read16(reply) != target->phase >> 1 ||
        !(wire_read16(reply + 2) & FLAG_QR)) {
        return; /* not ours */
    }
    unsigned rcode = wire_read16(reply + 2) & 15u;
    snprintf(detail, sizeof(detail), "%s", rcode_name(rcode));
    finish(target, rcode == RCODE_NOERROR ? OUTCOME_PASS : OUTCOME_FAIL, detail);
}

static void on_writable(struct target *target)
{
    uint8_t query[HEADER_BYTES + NAME_MAX + 4] = {0};
    const char *asked = target->order.check->text;
    size_t len = question(asked ? asked : ".", query + HEADER_BYTES);
    if (len == 0) {
        finish(target, OUTCOME_FAIL, "the check's name cannot be asked for");
        return;
    }
    unsigned id = (unsigned)random_below(&target->prober->random, 65536);
    wire_write16(query, id);
    wire_write16(query + 2, 0x0100); /* RD: resolvers are checked, too */
    wire_write16(query + 4, 1);
    if (send(target->fd, query, HEADER_BYTES + len, MSG_NOSIGNAL) < 0) {
        finish(target, OUTCOME_FAIL, "the query could not be sent");
        return;
    }
    target->phase = id << 1 | 1;
    target_watch(target, LOOP_READ);
}

static void on_ready(void *ctx)
{
    struct target *target = ctx;
    if (target->phase & 1) {
        on_reply(target);
    } else {
        on_writable(target);
    }
}

static void begin(struct target *target)
{
    target->phase = 0;
    target_connect(target, SOCKET_UDP, on_ready);
}

const struct probe_kind PROBE_DNS = {.begin = begin};
