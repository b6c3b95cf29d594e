/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Our reading of queries against libknot's, and libknot's reading of our replies. The first byte
 * says whether the rest is a packet or makes one (query_maker.h).
 *
 * Both must find the same queries well formed, and see the same name, type, class and EDNS fields
 * in them. The differences that are meant:
 *
 *   question count 0     libknot takes it (RFC 7873 5.4, cookies alone); RFC 9619: FORMERR is ours
 *   response, opcode     we look no further once the header says so
 *   EDNS version > 0     we answer BADVERS whatever the options are, libknot reads them
 *   OPT owner            not the root: malformed (RFC 6891 6.1.2), libknot does not mind
 *   EDNS payload 1       libknot takes the field for class IN and calls the record malformed
 *   other records        a query has no business with them: we walk over any record but OPT,
 *                        libknot reads owners and data, and has rules for TSIG
 */
#include "dns/message.h"
#include "query_maker.h"
#include "random_world.h"

#include <libknot/libknot.h>

enum {
    REPLY_BYTES = 65535
};

static bool compared(enum query_verdict verdict, const uint8_t *wire)
{
    bool question = wire[4] || wire[5];
    return verdict != QUERY_DROP && verdict != QUERY_NOTIMP && question;
}

/* Is there nothing in the packet but the question and at most one OPT record? As libknot counts. */
static bool is_plain(const uint8_t *wire, const struct query *query)
{
    unsigned records = 0;
    for (unsigned i = 6; i < 12; i += 2) {
        records += wire_read16(wire + i);
    }
    size_t first = HEADER_BYTES + (size_t)query->question_len;
    return records == 0 || (records == 1 && wire_read16(wire + 10) == 1 && wire[first] == 0 &&
                            wire_read16(wire + first + 1) == TYPE_OPT);
}

static void fields_compare(const struct query *query, const knot_pkt_t *pkt)
{
    ASSERT(query->name_len == pkt->qname_size);
    ASSERT(memcmp(query->name, pkt->lower_qname, query->name_len) == 0);
    ASSERT(query->qtype == knot_pkt_qtype(pkt) && query->qclass == knot_pkt_qclass(pkt));
    ASSERT(query->edns == knot_pkt_has_edns(pkt));
    if (!query->edns) {
        return;
    }
    ASSERT(query->udp_payload == knot_edns_get_payload(pkt->opt_rr));
    ASSERT(query->edns_version == knot_edns_get_version(pkt->opt_rr));
    ASSERT(query->dnssec_ok == knot_edns_do(pkt->opt_rr));
    if (query->edns_version == 0) {
        ASSERT(query->nsid_asked == (knot_pkt_edns_option(pkt, KNOT_EDNS_OPTION_NSID) != NULL));
    }
}

static void subnet_compare(const struct query *query, const knot_pkt_t *pkt)
{
    const uint8_t *option = knot_pkt_edns_option(pkt, KNOT_EDNS_OPTION_CLIENT_SUBNET);
    knot_edns_client_subnet_t subnet;
    if (!query->edns || query->edns_version != 0) {
        return;
    }
    ASSERT(query->subnet.present == (option != NULL));
    if (!option || option + 4 != query->subnet.raw) {
        return; /* the option twice: which one counts is anyone's choice */
    }
    int ret = knot_edns_client_subnet_parse(&subnet, option + 4, wire_read16(option + 2));
    if (query->subnet.valid) {
        ASSERT(ret == KNOT_EOK);
        ASSERT(subnet.family == query->subnet.family);
        ASSERT(subnet.source_len == query->subnet.source_bits && subnet.scope_len == 0);
    }
}

/* The owner of OPT is a zero byte (RFC 6891 6.1.2); libknot takes any name, and a pointer to the
 * root for the root. */
static bool opt_is_odd(const knot_pkt_t *pkt)
{
    return pkt->opt_rr && pkt->wire[pkt->rr_info[pkt->opt_rr - pkt->rr].pos] != 0;
}

static void query_compare(uint8_t *wire, size_t size)
{
    struct query query;
    enum query_verdict verdict = query_read(wire, size, &query);
    knot_pkt_t *pkt = knot_pkt_new(wire, (uint16_t)size, NULL);
    ASSERT(pkt);
    int ret = knot_pkt_parse(pkt, 0);
    if (compared(verdict, wire)) {
        bool ours = verdict == QUERY_OK || verdict == QUERY_BADVERS;
        if (ret == KNOT_EOK) {
            ASSERT(ours || opt_is_odd(pkt));
        } else if (ours) {
            ASSERT(verdict == QUERY_BADVERS || query.udp_payload == 1 || !is_plain(wire, &query));
        }
        if (ret == KNOT_EOK && ours) {
            fields_compare(&query, pkt);
            subnet_compare(&query, pkt);
        }
    }
    knot_pkt_free(pkt);
}

static void reply_parse(uint8_t *reply, size_t len)
{
    knot_pkt_t *pkt = knot_pkt_new(reply, (uint16_t)len, NULL);
    ASSERT(pkt);
    ASSERT(knot_pkt_parse(pkt, 0) == KNOT_EOK);
    ASSERT(pkt->parsed == len);
    knot_pkt_free(pkt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t reply[REPLY_BYTES], made[QUERY_PACKET_MAX];
    struct taste taste = {data, size};
    unsigned how = taste_byte(&taste), seed = taste_byte(&taste);
    const uint8_t *packet = taste.at;
    size_t len = taste.left;
    if (how & 32) {
        len = query_make(&taste, made);
        packet = made;
    }
    if (len < HEADER_BYTES || len > REPLY_BYTES) {
        return 0;
    }
    uint8_t *wire = malloc(len);
    ASSERT(wire);
    memcpy(wire, packet, len);
    query_compare(wire, len);
    struct client client = {.address = random_world_client((uint8_t)(how & 15)),
                            .transport = how & 16 ? TRANSPORT_TCP : TRANSPORT_UDP};
    struct outcome outcome;
    size_t told = answer(random_world(seed | (how & 0x40) << 2)->snapshot, &client, wire, len, 1,
                         reply, sizeof(reply), &outcome, NULL, NULL);
    if (told > 0) {
        reply_parse(reply, told);
    }
    free(wire);
    return 0;
}
