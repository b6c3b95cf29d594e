/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Queries to random worlds. The first bytes choose the world, the client, the transport and how the
 * rest is meant: as a packet, or as choices that make one (query_maker.h).
 *
 * What must hold of a reply: it reads strictly (unit/answer/packet.h); it is within the limit and
 * not a byte was touched behind it; question, id, opcode and RD come back bit for bit; its parts
 * agree with each other and with the outcome; its answer section is one chain from the question; a
 * view never gets another view's addresses; the same question gets the same reply, traced or not;
 * and what is whole over UDP is the same over TCP.
 */
#include "answer/ahead.h"
#include "answer/trace.h"
#include "dns/message.h"
#include "query_maker.h"
#include "random_world.h"
#include "unit/answer/packet.h"

enum {
    UDP_BYTES = 4096,
    TCP_BYTES = 65535
};

struct asked {
    const struct world *world;
    struct client client;
    uint8_t *packet; /* a heap block of exactly its size */
    size_t size;
    struct query query; /* as read, to know what a reply should be */
    enum query_verdict verdict;
};

struct heard {
    uint8_t *reply;
    size_t len;
    struct outcome outcome;
};

static size_t limit_of(const struct asked *asked)
{
    if (asked->client.transport == TRANSPORT_TCP) {
        return TCP_BYTES;
    }
    size_t ours = asked->world->scope.udp_payload, theirs = asked->query.udp_payload;
    size_t least = theirs < ours ? theirs : ours;
    return !asked->query.edns || least < 512 ? 512 : least;
}

static void ask(const struct asked *asked, uint8_t *reply, uint8_t pattern, struct trace *trace,
                struct heard *told)
{
    size_t size = asked->client.transport == TRANSPORT_TCP ? TCP_BYTES : UDP_BYTES;
    memset(reply, pattern, size);
    memset(&told->outcome, 0xee, sizeof(told->outcome));
    told->reply = reply;
    struct ahead ahead;
    ahead_init(&ahead, asked->world->snapshot);
    ahead_add(&ahead, &asked->client, asked->packet, asked->size);
    ahead_run(&ahead);
    static struct told_list list;
    const struct slab *slab = asked->world->snapshot->slab;
    list.count = 0;
    told->len = answer(asked->world->snapshot, &asked->client, asked->packet, asked->size, 1, reply,
                       size, &told->outcome, &list, trace);
    for (uint32_t i = 0; i < list.count; i++) { /* an account of what is in the slab */
        ASSERT(list.at[i].word * TOLD_BYTES < slab->top);
        ASSERT(list.at[i].ttl_s <= INT32_MAX);
    }
    ASSERT(told->len <= limit_of(asked));
    for (size_t i = limit_of(asked); i < size; i++) {
        ASSERT(reply[i] == pattern);
    }
}

static void header_check(const struct asked *asked, const struct packet *reply,
                         const struct outcome *outcome)
{
    const uint8_t *packet = asked->packet;
    bool aa = reply->flags & FLAG_AA;
    ASSERT(reply->id == asked->query.id);
    ASSERT((reply->flags & FLAG_QR) && !(reply->flags & (FLAG_RA | FLAG_AD | 0x40)));
    ASSERT(((reply->flags ^ asked->query.flags) & (15 << OPCODE_SHIFT | FLAG_RD)) == 0);
    ASSERT(reply->counts[0] == (asked->query.question_len ? 1 : 0));
    ASSERT(memcmp(reply->wire + 12, packet + 12, asked->query.question_len) == 0);
    ASSERT(reply->question_end == 12u + asked->query.question_len);
    ASSERT(!!(reply->flags & FLAG_TC) == outcome->truncated);
    ASSERT((outcome->rcode & 15) == (reply->flags & 15));
    ASSERT(outcome->kind > ANSWER_DROPPED && outcome->kind < ANSWER_KIND_COUNT);
    ASSERT(outcome->edns == asked->query.edns);
    /* TCP is full only when it is. */
    ASSERT(asked->client.transport == TRANSPORT_UDP || !outcome->truncated ||
           reply->size > TCP_BYTES - 512);
    ASSERT(!aa || outcome->kind == ANSWER_POSITIVE || outcome->kind == ANSWER_NODATA ||
           outcome->kind == ANSWER_NXDOMAIN || outcome->kind == ANSWER_REFERRAL ||
           outcome->kind == ANSWER_SERVFAIL);
}

static void opt_check(const struct asked *asked, const struct packet *reply)
{
    const struct packet_record *opt = packet_opt(reply);
    ASSERT(packet_count(reply, 2, TYPE_OPT) == (opt != NULL));
    ASSERT((opt != NULL) == asked->query.edns);
    uint16_t len;
    if (!opt) {
        return;
    }
    ASSERT(packet_section(reply, (uint32_t)(opt - reply->records)) == 2 && opt->owner[0] == 0);
    ASSERT(opt->class == asked->world->scope.udp_payload);
    ASSERT((opt->ttl >> 16 & 0xff) == 0 && (opt->ttl & 0x7fff) == 0);
    ASSERT(!!(opt->ttl & 0x8000) == asked->query.dnssec_ok);
    const uint8_t *nsid = packet_option(reply, 3, &len);
    ASSERT((nsid != NULL) == (asked->query.nsid_asked && asked->world->scope.nsid_len > 0));
    ASSERT(!nsid || len == asked->world->scope.nsid_len);
    const uint8_t *subnet = packet_option(reply, 8, &len);
    if (subnet) { /* only for a listed resolver, and as it was sent but for the scope */
        ASSERT(view_match_subnet_listed(asked->world->match, &asked->client.address));
        ASSERT(asked->query.subnet.valid && len == asked->query.subnet.raw_len);
        ASSERT(memcmp(subnet, asked->query.subnet.raw, 3) == 0);
        ASSERT(memcmp(subnet + 4, asked->query.subnet.raw + 4, len - 4u) == 0);
        ASSERT(subnet[3] <= (asked->query.subnet.family == 1 ? 32 : 128));
    }
}

static bool below(const uint8_t *name, const uint8_t *top)
{
    return name_in_zone(name, top) && !name_equal(name, top);
}

/* The answer section: sets and aliases, each belonging to the name that the one before led to. */
static void chain_check(struct packet *reply)
{
    uint8_t now[NAME_MAX], target[NAME_MAX];
    unsigned links = 0;
    size_t next;
    memcpy(now, reply->qname, name_len(reply->qname));
    for (uint32_t i = 0; i < reply->counts[1]; i++) {
        const struct packet_record *record = &reply->records[i];
        if (record->type == TYPE_DNAME && below(now, record->owner)) {
            ASSERT(i + 1 == reply->counts[1] || reply->records[i + 1].type == TYPE_CNAME);
            continue;
        }
        ASSERT(name_equal(record->owner, now));
        if (record->type == TYPE_CNAME) {
            ASSERT(packet_name(reply, record->at, reply->size, target, &next));
            memcpy(now, target, name_len(target));
            links++;
        }
    }
    ASSERT(links <= LIMIT_CHAIN);
}

static void leak_check(const struct packet *reply, unsigned view)
{
    for (uint32_t i = 0; i < reply->record_count; i++) {
        const struct packet_record *record = &reply->records[i];
        const uint8_t *rdata = reply->wire + record->at;
        if (record->type == TYPE_A && rdata[0] == WORLD_TAGGED) {
            ASSERT(rdata[1] == view);
        }
        if (record->type == TYPE_AAAA && packet_u16(rdata + 4) < WORLD_VIEWS) {
            ASSERT(packet_u16(rdata + 4) == view);
        }
    }
}

/* What the kind of an answer says about its sections. */
static void kind_check(const struct packet *reply, const struct outcome *outcome)
{
    const uint16_t *counts = reply->counts;
    bool whole = !outcome->truncated, opt = packet_opt(reply) != NULL;
    switch ((enum answer_kind)outcome->kind) {
    case ANSWER_NXDOMAIN:
    case ANSWER_NODATA:
        ASSERT(!whole || (counts[2] == 1 && packet_count(reply, 1, TYPE_SOA) == 1));
        ASSERT(outcome->rcode == (outcome->kind == ANSWER_NXDOMAIN ? 3 : 0));
        break;
    case ANSWER_POSITIVE:
        ASSERT(!whole || counts[1] > 0);
        ASSERT(counts[2] == 0);
        ASSERT(outcome->rcode == RCODE_NOERROR || outcome->rcode == RCODE_YXDOMAIN);
        break;
    case ANSWER_REFERRAL:
        ASSERT(!whole || packet_count(reply, 1, TYPE_NS) > 0);
        ASSERT(packet_count(reply, 1, TYPE_NS) + packet_count(reply, 1, TYPE_DS) == counts[2]);
        ASSERT(!!(reply->flags & FLAG_AA) == (counts[1] > 0) || !whole);
        ASSERT(outcome->rcode == RCODE_NOERROR);
        break;
    case ANSWER_SERVFAIL:
        ASSERT(outcome->rcode == RCODE_SERVFAIL && counts[2] == 0);
        break;
    default: /* refused in one way or another */
        ASSERT(counts[1] == 0 && counts[2] == 0 && counts[3] == opt);
        ASSERT(outcome->rcode != RCODE_NOERROR);
    }
}

static void reply_check(const struct asked *asked, const struct heard *told)
{
    static struct packet reply;
    if (!packet_read(&reply, told->reply, told->len)) {
        assert_fail(reply.fault, "reply", 0);
    }
    header_check(asked, &reply, &told->outcome);
    opt_check(asked, &reply);
    kind_check(&reply, &told->outcome);
    if (reply.counts[0]) {
        chain_check(&reply);
    }
    leak_check(&reply, told->outcome.view);
}

/* The same records, apart from how their names are compressed. */
static void records_same(struct packet *a, struct packet *b, uint32_t count)
{
    static uint8_t data_a[TCP_BYTES], data_b[TCP_BYTES];
    for (uint32_t i = 0; i < count; i++) {
        const struct packet_record *x = &a->records[i], *y = &b->records[i];
        ASSERT(x->type == y->type && x->class == y->class && x->ttl == y->ttl);
        ASSERT(name_equal(x->owner, y->owner));
        size_t len = packet_expand(a, x, data_a);
        ASSERT(len == packet_expand(b, y, data_b) && memcmp(data_a, data_b, len) == 0);
    }
}

static void transports_agree(struct asked *asked, const struct heard *udp)
{
    static uint8_t buffer[TCP_BYTES];
    struct heard tcp;
    asked->client.transport = TRANSPORT_TCP;
    ask(asked, buffer, 0, NULL, &tcp);
    reply_check(asked, &tcp);
    ASSERT(tcp.outcome.rcode == udp->outcome.rcode || udp->outcome.truncated);
    if (!udp->outcome.truncated) {
        static struct packet a, b;
        ASSERT(packet_read(&a, udp->reply, udp->len) && packet_read(&b, tcp.reply, tcp.len));
        ASSERT(memcmp(udp->reply, tcp.reply, 10) == 0); /* all counts but the last */
        records_same(&a, &b, (uint32_t)a.counts[1] + a.counts[2]);
    }
}

static void question_ask(struct asked *asked)
{
    static uint8_t first[TCP_BYTES], second[TCP_BYTES];
    struct heard told, again;
    struct trace trace;
    asked->verdict = query_read(asked->packet, asked->size, &asked->query);
    ask(asked, first, 0x5a, NULL, &told);
    trace_init(&trace, &ALLOC_MALLOC);
    ask(asked, second, 0xa5, &trace, &again);
    ASSERT(asked->verdict != QUERY_OK || trace.first);
    trace_deinit(&trace);
    ASSERT(told.len == again.len && memcmp(first, second, told.len) == 0);
    ASSERT(memcmp(&told.outcome.view, &again.outcome.view, 3) == 0);
    ASSERT((told.len == 0) == (asked->verdict == QUERY_DROP));
    if (told.len > 0) {
        reply_check(asked, &told);
        struct query answered;
        ASSERT(query_read(first, told.len, &answered) == QUERY_DROP); /* no ping-pong */
        if (asked->client.transport == TRANSPORT_UDP) {
            transports_agree(asked, &told);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct taste taste = {data, size};
    uint8_t made[QUERY_PACKET_MAX];
    unsigned how = taste_byte(&taste), seed = taste_byte(&taste);
    struct asked asked = {.world = random_world(seed | (how & 0x40) << 2)};
    asked.client = (struct client){.address = random_world_client((uint8_t)(how & 15)),
                                   .transport = how & 16 ? TRANSPORT_TCP : TRANSPORT_UDP};
    const uint8_t *packet = taste.at;
    asked.size = taste.left;
    if (how & 32) {
        asked.size = query_make(&taste, made);
        packet = made;
    }
    asked.packet = malloc(asked.size ? asked.size : 1); /* so that a byte too far is seen */
    ASSERT(asked.packet);
    if (asked.size) {
        memcpy(asked.packet, packet, asked.size);
    }
    question_ask(&asked);
    free(asked.packet);
    return 0;
}
