/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/answer.h"

#include "answer/walk.h"

enum {
    OPT_FIXED_BYTES = 11,
    OPTION_HEAD_BYTES = 4,
    OPTION_NSID = 3,
    OPTION_CLIENT_SUBNET = 8,
    OPTION_EDE = 15,
    EDE_BYTES = 2,
    SUBNET_SCRATCH_BYTES = 4096,
};

/* Everything about one query on its way to a reply. */
struct exchange {
    const struct snapshot *snapshot;
    const struct client *client;
    struct query query;
    struct reply reply;
    struct walk_result result;
    struct told_list *told;
    struct trace *trace;
    uint64_t random;
    unsigned view;
    bool subnet_counts;  /* the client subnet option came from a listed resolver */
    unsigned scope_bits; /* to echo with it, in the option's family */
};

const char *answer_kind_name(unsigned kind)
{
    static const char *const names[] = {
#define X(id, name, text) [id] = name,
        ANSWER_KIND_TABLE(X)
#undef X
    };
    return kind < ANSWER_KIND_COUNT ? names[kind] : "?";
}

/* --- EDNS of the reply --------------------------------------------------------------------------
 */

static size_t nsid_bytes(const struct exchange *ex)
{
    const struct scope *scope = ex->snapshot->scope;
    return ex->query.nsid_asked && scope->nsid_len ? OPTION_HEAD_BYTES + (size_t)scope->nsid_len
                                                   : 0;
}

static size_t subnet_bytes(const struct exchange *ex)
{
    return ex->subnet_counts ? OPTION_HEAD_BYTES + (size_t)ex->query.subnet.raw_len : 0;
}

/* Room to keep behind the records, without EDE (which goes only where there is room left). */
static size_t opt_bytes(const struct exchange *ex)
{
    return ex->query.edns ? OPT_FIXED_BYTES + nsid_bytes(ex) + subnet_bytes(ex) : 0;
}

static uint8_t *option_write(uint8_t *at, unsigned code, const uint8_t *data, size_t len)
{
    wire_write16(at, code);
    wire_write16(at + 2, (unsigned)len);
    memcpy(at + OPTION_HEAD_BYTES, data, len);
    return at + OPTION_HEAD_BYTES + len;
}

static void opt_write(struct exchange *ex, size_t limit)
{
    const struct scope *scope = ex->snapshot->scope;
    uint8_t *opt = ex->reply.wire + ex->reply.len, *at = opt + OPT_FIXED_BYTES;
    opt[0] = 0;
    wire_write16(opt + 1, TYPE_OPT);
    wire_write16(opt + 3, scope->udp_payload);
    wire_write32(opt + 5,
                 (uint32_t)(ex->result.rcode >> 4) << 24 | (ex->query.dnssec_ok ? 0x8000u : 0u));
    if (nsid_bytes(ex)) {
        at = option_write(at, OPTION_NSID, scope->nsid, scope->nsid_len);
    }
    if (subnet_bytes(ex)) {
        uint8_t *data = at + OPTION_HEAD_BYTES;
        at = option_write(at, OPTION_CLIENT_SUBNET, ex->query.subnet.raw, ex->query.subnet.raw_len);
        data[3] = (uint8_t)ex->scope_bits;
    }
    size_t room = limit - (size_t)(at - ex->reply.wire);
    if (ex->result.ede != EDE_NONE && room >= OPTION_HEAD_BYTES + EDE_BYTES) {
        uint8_t code[EDE_BYTES];
        wire_write16(code, (unsigned)ex->result.ede);
        at = option_write(at, OPTION_EDE, code, EDE_BYTES);
    }
    wire_write16(opt + 9, (unsigned)(at - opt - OPT_FIXED_BYTES));
    ex->reply.len = (size_t)(at - ex->reply.wire);
    ex->reply.counts[SECTION_ADDITIONAL]++;
}

/* --- who asks ------------------------------------------------------------------------------------
 */

/* Are two answers (before OPT) the same to whoever gets them? */
static bool answers_same(const struct exchange *ex, const struct reply *reply,
                         const struct walk_result *result)
{
    size_t start = HEADER_BYTES + (size_t)ex->query.question_len;
    return !result->truncated && !ex->result.truncated && result->rcode == ex->result.rcode &&
           result->authoritative == ex->result.authoritative && result->ede == ex->result.ede &&
           memcmp(reply->counts, ex->reply.counts, sizeof(reply->counts)) == 0 &&
           reply->len == ex->reply.len &&
           memcmp(reply->wire + start, ex->reply.wire + start, reply->len - start) == 0;
}

/* Views whose answer to this question is the same as the one in ex->reply, as a set. */
static uint64_t subnet_same_views(const struct exchange *ex, const struct address *client)
{
    const struct walk_draw draw = {.client = client, .random = ex->random};
    uint64_t same = UINT64_C(1) << ex->view;
    uint8_t scratch[SUBNET_SCRATCH_BYTES];
    size_t start = HEADER_BYTES + (size_t)ex->query.question_len;
    size_t limit = ex->reply.limit < sizeof(scratch) ? ex->reply.limit : sizeof(scratch);
    for (unsigned view = 0; view < ex->snapshot->view_count; view++) {
        struct reply reply;
        struct walk_result result;
        memcpy(scratch, ex->reply.wire, start);
        reply_init(&reply, scratch, start, limit);
        walk_answer(ex->snapshot, view, &ex->query, &draw, &reply, &result, NULL, NULL);
        if (answers_same(ex, &reply, &result)) {
            same |= UINT64_C(1) << view;
        }
    }
    return same;
}

/* Does the option count? Then the client is the network it names. */
static const struct address *subnet_client(struct exchange *ex)
{
    const struct client_subnet *subnet = &ex->query.subnet;
    if (!subnet->present ||
        !view_match_subnet_listed(ex->snapshot->scope->match, &ex->client->address)) {
        return &ex->client->address;
    }
    ex->subnet_counts = true;
    return subnet->valid && subnet->source_bits > 0 ? &subnet->address : &ex->client->address;
}

static void subnet_scope(struct exchange *ex, const struct address *client)
{
    if (!ex->subnet_counts || ex->query.subnet.source_bits == 0) {
        return;
    }
    /* A client whom no view is meant for says nothing about its neighbours. */
    unsigned bits = 128, family = ex->query.subnet.family == 1 ? 96 : 0;
    if (ex->view != VIEW_NONE) {
        bits = view_match_scope(ex->snapshot->scope->match, ex->client->listener, client,
                                subnet_same_views(ex, client));
    }
    if (ex->result.per_client && bits < family + ex->query.subnet.source_bits) {
        bits = family + ex->query.subnet.source_bits; /* chosen for these very addresses */
    }
    ex->scope_bits = bits > family ? bits - family : 0;
    trace_add(ex->trace, TRACE_CLIENT_SUBNET, "from a listed resolver; scope /%u", ex->scope_bits);
}

static void trace_view(struct exchange *ex, const struct address *client)
{
    char text[ADDRESS_TEXT_BYTES];
    if (ex->trace) {
        trace_add(ex->trace, TRACE_VIEW, "%s is in view %s", address_to_text(client, text),
                  ex->view == VIEW_NONE ? "(none)" : ex->snapshot->scope->view_names[ex->view]);
    }
}

/* --- the question --------------------------------------------------------------------------------
 */

static void refuse(struct exchange *ex, int ede, const char *why)
{
    ex->result.rcode = RCODE_REFUSED;
    ex->result.kind = ANSWER_REFUSED;
    ex->result.ede = ede;
    trace_add(ex->trace, TRACE_REFUSED, "%s", why);
}

/* The server's version and name in class CH (RFC 4892 for the latter), when configured. */
static const char *chaos_text(const struct exchange *ex)
{
    const struct scope *scope = ex->snapshot->scope;
    const struct {
        const char *name, *text;
    } table[] = {
        {"\7version\4bind", scope->version_bind},
        {"\7version\6server", scope->version_bind},
        {"\2id\6server", scope->id_server},
        {"\10hostname\4bind", scope->id_server},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (name_equal(ex->query.name, (const uint8_t *)table[i].name)) {
            return table[i].text;
        }
    }
    return NULL;
}

static void chaos(struct exchange *ex)
{
    const char *text = chaos_text(ex);
    size_t len = text ? strlen(text) : 0;
    struct reply *reply = &ex->reply;
    if (!text || len > 255 || reply->len + 13 + len > reply->limit ||
        (ex->query.qtype != TYPE_TXT && ex->query.qtype != TYPE_ANY)) {
        refuse(ex, EDE_PROHIBITED, "class CH: not configured");
        return;
    }
    uint8_t *at = reply->wire + reply->len;
    wire_write16(at, 0xc000u | HEADER_BYTES);
    wire_write16(at + 2, TYPE_TXT);
    wire_write16(at + 4, CLASS_CH);
    wire_write32(at + 6, 0);
    wire_write16(at + 10, (unsigned)len + 1);
    at[12] = (uint8_t)len;
    memcpy(at + 13, text, len); /* NOLINT(bugprone-not-null-terminated-result): a TXT has no 0 */
    reply->len += 13 + len;
    reply->counts[SECTION_ANSWER]++;
    ex->result.kind = ANSWER_POSITIVE;
    ex->result.authoritative = true;
}

static void question(struct exchange *ex)
{
    const struct query *query = &ex->query;
    const struct address *client = subnet_client(ex);
    ex->view = view_match_find(ex->snapshot->scope->match, ex->client->listener, client);
    trace_view(ex, client);
    if (ex->subnet_counts && !query->subnet.valid) {
        ex->subnet_counts = false;
        ex->result.rcode = RCODE_FORMERR; /* RFC 7871 7.1.2 */
        ex->result.kind = ANSWER_FORMERR;
    } else if (ex->view == VIEW_NONE) {
        refuse(ex, EDE_PROHIBITED, "no view is meant for this client");
    } else if (query->qclass == CLASS_CH) {
        chaos(ex);
    } else if (query->qclass != CLASS_IN) {
        refuse(ex, EDE_NOT_AUTHORITATIVE, "only class IN is served");
    } else if (query->qtype == TYPE_AXFR || query->qtype == TYPE_IXFR) {
        refuse(ex, EDE_PROHIBITED, "zone transfer is not allowed");
    } else if (query->qtype == TYPE_OPT) {
        ex->result.rcode = RCODE_FORMERR; /* RFC 6891 6.1.1: OPT is no data type */
        ex->result.kind = ANSWER_FORMERR;
    } else {
        const struct walk_draw draw = {.client = client, .random = ex->random};
        walk_answer(ex->snapshot, ex->view, query, &draw, &ex->reply, &ex->result, ex->told,
                    ex->trace);
    }
    subnet_scope(ex, client);
}

/* --- the envelope --------------------------------------------------------------------------------
 */

static size_t payload_limit(const struct exchange *ex, size_t reply_size)
{
    size_t limit = LIMIT_UDP_PLAIN;
    if (ex->client->transport == TRANSPORT_TCP) {
        limit = LIMIT_MESSAGE_BYTES;
    } else if (ex->query.edns) {
        size_t most = ex->snapshot->scope->udp_payload;
        limit = ex->query.udp_payload < most ? ex->query.udp_payload : most;
        limit = limit < LIMIT_UDP_PLAIN ? LIMIT_UDP_PLAIN : limit;
    }
    return limit < reply_size ? limit : reply_size;
}

static void header_write(struct exchange *ex)
{
    const struct walk_result *result = &ex->result;
    unsigned flags = FLAG_QR | (unsigned)ex->query.opcode << OPCODE_SHIFT |
                     (ex->query.flags & FLAG_RD) | (result->rcode & 15u);
    flags |= result->authoritative ? FLAG_AA : 0u;
    flags |= result->truncated ? FLAG_TC : 0u;
    uint8_t *wire = ex->reply.wire;
    wire_write16(wire, ex->query.id);
    wire_write16(wire + 2, flags);
    wire_write16(wire + 4, ex->query.question_len ? 1 : 0);
    for (size_t i = 0; i < 3; i++) {
        wire_write16(wire + 6 + 2 * i, ex->reply.counts[i]);
    }
}

static void refuse_message(struct exchange *ex, enum query_verdict verdict)
{
    static const struct {
        uint8_t rcode, kind;
    } replies[] = {
        [QUERY_FORMERR] = {RCODE_FORMERR, ANSWER_FORMERR},
        [QUERY_NOTIMP] = {RCODE_NOTIMP, ANSWER_NOTIMP},
        [QUERY_BADVERS] = {RCODE_BADVERS, ANSWER_BADVERS},
    };
    ex->result.rcode = replies[verdict].rcode;
    ex->result.kind = replies[verdict].kind;
}

static void outcome_fill(const struct exchange *ex, struct outcome *out)
{
    *out = (struct outcome){.view = (uint8_t)ex->view,
                            .rcode = ex->result.rcode,
                            .kind = ex->result.kind,
                            .truncated = ex->result.truncated,
                            .edns = ex->query.edns,
                            .qtype = ex->query.qtype,
                            .zone = ex->result.zone};
}

size_t answer(const struct snapshot *snapshot, const struct client *client, const uint8_t *query,
              size_t query_len, uint64_t random, uint8_t *reply, size_t reply_size,
              struct outcome *outcome, struct told_list *told, struct trace *trace)
{
    struct exchange ex;
    ex.snapshot = snapshot;
    ex.client = client;
    ex.told = told;
    ex.trace = trace;
    ex.random = random; /* only registered names draw from it; static sets keep their order */
    ex.view = VIEW_NONE;
    ex.subnet_counts = false;
    ex.scope_bits = 0;
    ex.result = (struct walk_result){.ede = EDE_NONE, .zone = UINT32_MAX};
    enum query_verdict verdict = query_read(query, query_len, &ex.query);
    if (verdict == QUERY_DROP) {
        outcome_fill(&ex, outcome);
        return 0;
    }
    size_t limit = payload_limit(&ex, reply_size);
    size_t start = HEADER_BYTES + (size_t)ex.query.question_len;
    memcpy(reply + HEADER_BYTES, query + HEADER_BYTES, ex.query.question_len);
    if (verdict == QUERY_OK) {
        /* Room for the largest OPT we may write; the client subnet option may turn out not to
         * count. */
        ex.subnet_counts = ex.query.subnet.valid;
        size_t kept = opt_bytes(&ex);
        ex.subnet_counts = false;
        reply_init(&ex.reply, reply, start, limit > start + kept ? limit - kept : start);
        question(&ex);
    } else {
        reply_init(&ex.reply, reply, start, limit);
        refuse_message(&ex, verdict);
    }
    if (ex.query.edns && ex.reply.len + opt_bytes(&ex) <= limit) {
        opt_write(&ex, limit);
    }
    header_write(&ex);
    outcome_fill(&ex, outcome);
    return ex.reply.len;
}
