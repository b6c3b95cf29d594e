/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any bytes as a packet, read by query_read().
 *
 * What must hold: the verdict follows from the header where it can; the name is valid, lower case,
 * and the one in the packet; the question lies inside the packet; the client subnet option points
 * into it; a cut packet is never better than the whole one was; the same bytes read the same twice.
 */
#include "base/assert.h"
#include "dns/message.h"

#include <stdlib.h>
#include <string.h>

static void header_check(const uint8_t *wire, size_t size, enum query_verdict verdict,
                         const struct query *query)
{
    ASSERT(verdict <= QUERY_BADVERS);
    ASSERT((verdict == QUERY_DROP) == (size < HEADER_BYTES || (wire[2] & 0x80)));
    if (verdict == QUERY_DROP) {
        ASSERT(query->question_len == 0);
        return;
    }
    ASSERT(query->id == (wire[0] << 8 | wire[1]));
    ASSERT(query->flags == (wire[2] << 8 | wire[3]));
    ASSERT(query->opcode == (wire[2] >> 3 & 15));
    ASSERT((verdict == QUERY_NOTIMP) == (query->opcode != OPCODE_QUERY));
    if (wire[4] != 0 || wire[5] != 1) {
        ASSERT(verdict == QUERY_FORMERR || verdict == QUERY_NOTIMP);
        ASSERT(query->question_len == 0);
    }
}

static void question_check(const uint8_t *wire, size_t size, const struct query *query)
{
    if (query->question_len == 0) {
        return;
    }
    ASSERT(HEADER_BYTES + (size_t)query->question_len <= size);
    ASSERT(query->question_len == query->name_len + 4);
    ASSERT(name_check(query->name, query->name_len) == query->name_len);
    ASSERT(name_check(wire + HEADER_BYTES, query->name_len) == query->name_len);
    ASSERT(name_equal(query->name, wire + HEADER_BYTES));
    for (unsigned i = 0; i < query->name_len; i++) {
        ASSERT(query->name[i] < 'A' || query->name[i] > 'Z');
    }
    const uint8_t *at = wire + HEADER_BYTES + query->name_len;
    ASSERT(query->qtype == (at[0] << 8 | at[1]) && query->qclass == (at[2] << 8 | at[3]));
}

static void edns_check(const uint8_t *wire, size_t size, enum query_verdict verdict,
                       const struct query *query)
{
    const struct client_subnet *subnet = &query->subnet;
    ASSERT(query->edns || (!query->dnssec_ok && !query->nsid_asked && !subnet->present));
    ASSERT(verdict != QUERY_OK || query->edns_version == 0);
    ASSERT(verdict != QUERY_BADVERS || (query->edns && query->edns_version > 0));
    if (query->edns_version > 0) {
        ASSERT(!query->nsid_asked && !subnet->present);
    }
    if (subnet->present) {
        ASSERT(subnet->raw >= wire && subnet->raw + subnet->raw_len <= wire + size);
    }
    if (subnet->valid) {
        bool v4 = subnet->family == 1;
        ASSERT(subnet->present && (v4 || subnet->family == 2));
        ASSERT(subnet->source_bits <= (v4 ? 32 : 128) && subnet->raw[3] == 0);
        ASSERT(subnet->raw_len == 4 + (subnet->source_bits + 7) / 8);
        struct prefix net = {.base = subnet->address,
                             .bits = (uint8_t)(subnet->source_bits + (v4 ? 96 : 0))};
        char text[PREFIX_TEXT_BYTES];
        struct prefix back;
        /* The text form refuses bits beyond the length. ::ffff:0:0/96 is spelled as IPv4. */
        if (v4 || !address_is_v4(&subnet->address)) {
            ASSERT(prefix_from_text(prefix_to_text(&net, text), &back) == 0);
            ASSERT(memcmp(&back.base, &net.base, sizeof(net.base)) == 0 && back.bits == net.bits);
        }
    }
}

static enum query_verdict read_exact(const uint8_t *data, size_t size, struct query *out)
{
    uint8_t *wire = malloc(size ? size : 1); /* so that a byte too far is seen */
    ASSERT(wire);
    if (size) {
        memcpy(wire, data, size);
    }
    enum query_verdict verdict = query_read(wire, size, out);
    header_check(wire, size, verdict, out);
    question_check(wire, size, out);
    edns_check(wire, size, verdict, out);
    free(wire);
    return verdict;
}

/* Whatever stood there before, the same is read. */
static void query_same(const struct query *a, const struct query *b)
{
    ASSERT(a->id == b->id && a->flags == b->flags && a->opcode == b->opcode);
    ASSERT(a->question_len == b->question_len && a->name_len == b->name_len);
    ASSERT(memcmp(a->name, b->name, a->name_len) == 0);
    ASSERT(a->qtype == b->qtype && a->qclass == b->qclass);
    ASSERT(a->edns == b->edns && a->edns_version == b->edns_version);
    ASSERT(a->dnssec_ok == b->dnssec_ok && a->nsid_asked == b->nsid_asked);
    ASSERT(a->udp_payload == b->udp_payload && a->subnet.raw_len == b->subnet.raw_len);
    ASSERT(a->subnet.present == b->subnet.present && a->subnet.valid == b->subnet.valid);
    ASSERT(a->subnet.family == b->subnet.family && a->subnet.source_bits == b->subnet.source_bits);
    ASSERT(memcmp(&a->subnet.address, &b->subnet.address, sizeof(a->subnet.address)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query query, again;
    memset(&query, 0x11, sizeof(query));
    enum query_verdict verdict = read_exact(data, size, &query);
    memset(&again, 0xee, sizeof(again));
    ASSERT(read_exact(data, size, &again) == verdict);
    query_same(&query, &again);
    if (verdict == QUERY_OK || verdict == QUERY_BADVERS) {
        ASSERT(query.question_len > 0);
        /* Every byte counts: one less is malformed. */
        verdict = read_exact(data, size - 1, &again);
        ASSERT(verdict == QUERY_FORMERR || verdict == QUERY_DROP);
    }
    return 0;
}
