/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/walk.h"

#include "snapshot/policy.h"

enum {
    SOA_FIXED_BYTES = 20
};

struct walk {
    const struct slab *slab;
    struct twig zones; /* of the view */
    uint16_t qtype;
    bool dnssec_ok;
    struct walk_draw draw;
    const struct scope *scope;
    struct reply *reply;
    struct walk_result *out;
    struct told_list *told;
    struct trace *trace;
    const struct node *denied; /* the name that a negative is about; NULL: one that has no node */
    /* The current link: */
    uint8_t name[NAME_MAX]; /* absolute, lower case */
    unsigned name_len;
    uint16_t owner; /* place of the name in the reply */
    const struct zone_view *zone;
    struct qp_space space;
    struct qp_name absolute; /* without root label */
    struct qp_name relative; /* to the zone */
    struct qp_found found;
    /* Owners that an alias started from, to end loops: */
    uint16_t visited[LIMIT_CHAIN];
    unsigned links;
    ref_t dnames[LIMIT_CHAIN]; /* already in the answer */
    unsigned dname_count;
};

enum step {
    STEP_DONE,
    STEP_NEXT_LINK
};

/* --- telling explain ---------------------------------------------------------------------------
 */

static const char *walk_name(struct walk *walk, char *text)
{
    return name_to_text(walk->name, text);
}

static void trace_set(struct walk *walk, enum trace_step step, const struct rrset *set)
{
    if (!walk->trace) {
        return;
    }
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    trace_add(walk->trace, step, "%s %s, %u record%s, TTL %u", walk_name(walk, name),
              type_to_text(set->type, type), set->count, set->count == 1 ? "" : "s", set->ttl);
}

static void trace_name(struct walk *walk, enum trace_step step, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    if (walk->trace) {
        trace_add(walk->trace, step, "%s", name_to_text(name, text));
    }
}

static void trace_type(struct walk *walk, enum trace_step step)
{
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    if (walk->trace) {
        trace_add(walk->trace, step, "%s %s", walk_name(walk, name),
                  type_to_text(walk->qtype, type));
    }
}

/* --- parts of a reply --------------------------------------------------------------------------
 */

/* The absolute name of the current link without its first labels: `keep` labels of the relative
 * part. */
static const uint8_t *name_tail(const struct walk *walk, unsigned keep)
{
    unsigned skip = walk->relative.labels - keep;
    return skip == walk->absolute.labels ? walk->name + walk->name_len - 1
                                         : walk->name + walk->absolute.start[skip];
}

static uint16_t owner_tail(const struct walk *walk, unsigned keep)
{
    return reply_name_skip(walk->reply, walk->owner, walk->relative.labels - keep);
}

static void add_set(struct walk *walk, enum reply_section section, uint16_t owner,
                    const struct node *node, const struct rrset *set)
{
    told_set(walk->told, walk->slab, node, set);
    if (!reply_add_set(walk->reply, section, owner, node, set, set->ttl, NULL)) {
        walk->out->truncated = true;
    }
}

/* RFC 2308: the SOA, its TTL no more than its MINIMUM field, nor than `most`. */
static void add_soa(struct walk *walk, uint32_t most)
{
    const struct node *apex = zone_view_apex(walk->slab, walk->zone);
    const struct rrset *soa = apex ? node_find(apex, TYPE_SOA) : NULL;
    if (!soa) {
        return;
    }
    const uint8_t *at = rrset_data(apex, soa);
    uint16_t len;
    const uint8_t *rdata = rdata_next(soa, &at, &len);
    uint32_t minimum = len >= SOA_FIXED_BYTES ? wire_read32(rdata + len - 4) : 0;
    uint32_t ttl = soa->ttl < minimum ? soa->ttl : minimum;
    ttl = ttl < most ? ttl : most;
    told_denied(walk->told, walk->slab, walk->denied ? walk->denied : apex, ttl);
    if (!reply_add_set(walk->reply, SECTION_AUTHORITY, owner_tail(walk, 0), apex, soa, ttl, NULL)) {
        walk->out->truncated = true;
    }
}

static void negative_for(struct walk *walk, bool nxdomain, uint32_t most_ttl)
{
    walk->out->rcode = nxdomain ? RCODE_NXDOMAIN : RCODE_NOERROR;
    walk->out->kind = nxdomain ? ANSWER_NXDOMAIN : ANSWER_NODATA;
    trace_type(walk, nxdomain ? TRACE_NXDOMAIN : TRACE_NODATA);
    add_soa(walk, most_ttl);
}

/* Does the name lie below one that the configuration says names are registered below? */
static bool below_registry(const struct walk *walk)
{
    const struct desired *desired = walk->scope->desired;
    const struct desired_zone *zone = desired ? &desired->zones[walk->zone->zone] : NULL;
    for (uint32_t i = 0; zone && i < zone->registry_below_count; i++) {
        if (name_in_zone(walk->name, zone->registry_below[i])) {
            return true;
        }
    }
    return false;
}

static void negative(struct walk *walk, bool nxdomain)
{
    unsigned flags = walk->zone->head.flags;
    bool registry =
        flags & ZONE_VIEW_REGISTRY || (flags & ZONE_VIEW_REGISTRY_BELOW && below_registry(walk));
    negative_for(walk, nxdomain, registry ? LIMIT_REGISTRY_NEGATIVE_TTL_S : UINT32_MAX);
}

/* Addresses of `target` from the zone at hand: those below the cut at `cut_labels` must fit. */
struct glue {
    const uint8_t *cut; /* absolute name of the cut, NULL: nothing must fit */
    bool required;      /* the pass: required glue first, then the rest */
};

static void add_target_addresses(struct walk *walk, const uint8_t *target, const struct glue *glue)
{
    if (!name_in_zone(target, walk->zone->origin)) {
        return;
    }
    bool required = glue->cut && name_in_zone(target, glue->cut);
    if (required != glue->required) {
        return;
    }
    const struct node *node =
        node_of_name(walk->slab, walk->zone->root, walk->zone->origin_labels, target);
    static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
    for (unsigned i = 0; node && i < 2; i++) {
        const struct rrset *set = node_find(node, types[i]);
        struct reply mark = *walk->reply;
        if (set && !reply_add_addresses(walk->reply, target, node, set)) {
            if (required) {
                told_set(walk->told, walk->slab, node, set); /* a part of it */
                walk->out->truncated = true;                 /* RFC 9471 3.1 */
            } else {
                reply_rewind(walk->reply, &mark);
            }
        } else if (set) {
            told_set(walk->told, walk->slab, node, set);
            trace_name(walk, TRACE_ADDITIONAL, target);
        }
    }
}

/* Additional addresses for the targets in a set of NS, MX, SRV, SVCB, HTTPS, ... */
static void add_addresses(struct walk *walk, const struct node *node, const struct rrset *set,
                          const struct glue *glue)
{
    int offset = type_target_offset(set->type);
    if (offset < 0 || set->type == TYPE_CNAME || set->type == TYPE_DNAME || set->type == TYPE_PTR) {
        return;
    }
    const uint8_t *at = rrset_data(node, set);
    for (unsigned i = 0; i < set->count; i++) {
        uint16_t len;
        const uint8_t *rdata = rdata_next(set, &at, &len);
        if (len > offset && name_check(rdata + offset, (size_t)(len - offset))) {
            add_target_addresses(walk, rdata + offset, glue);
        }
    }
}

/* --- outcomes of one link ----------------------------------------------------------------------
 */

static void referral(struct walk *walk, ref_t cut_ref, unsigned cut_labels)
{
    const struct node *cut = node_at(walk->slab, cut_ref);
    const struct rrset *ns = node_find(cut, TYPE_NS);
    const struct rrset *ds = walk->dnssec_ok ? node_find(cut, TYPE_DS) : NULL;
    uint16_t owner = owner_tail(walk, cut_labels);
    trace_name(walk, TRACE_DELEGATION, name_tail(walk, cut_labels));
    walk->out->kind = ANSWER_REFERRAL;
    walk->out->rcode = RCODE_NOERROR;
    add_set(walk, SECTION_AUTHORITY, owner, cut, ns);
    if (ds) {
        add_set(walk, SECTION_AUTHORITY, owner, cut, ds);
    }
    /* First what must fit, then the rest; none once the client has to ask again over TCP anyway. */
    struct glue glue = {.cut = name_tail(walk, cut_labels), .required = true};
    for (unsigned pass = 0; pass < 2 && !walk->out->truncated; pass++) {
        add_addresses(walk, cut, ns, &glue);
        glue.required = false;
    }
}

/* Did the chain start a link from this name before? */
static bool chain_loops(const struct walk *walk, const uint8_t *target)
{
    for (unsigned i = 0; i < walk->links; i++) {
        if (reply_name_is(walk->reply, walk->visited[i], target)) {
            return true;
        }
    }
    return false;
}

/* Goes on with the target of an alias; its name stands at `place` of the reply. */
static enum step follow(struct walk *walk, const uint8_t *target, uint16_t place)
{
    size_t len = name_len(target);
    walk->visited[walk->links++] = walk->owner;
    if (chain_loops(walk, target)) {
        return STEP_DONE;
    }
    memmove(walk->name, target, len);
    name_lower(walk->name, len);
    walk->name_len = (unsigned)len;
    walk->owner = place;
    return STEP_NEXT_LINK;
}

static enum step cname(struct walk *walk, const struct node *node, const struct rrset *set)
{
    uint16_t place = 0;
    walk->out->kind = ANSWER_POSITIVE;
    if (walk->links == LIMIT_CHAIN) {
        return STEP_DONE;
    }
    trace_set(walk, TRACE_CNAME, set);
    told_set(walk->told, walk->slab, node, set);
    if (!reply_add_set(walk->reply, SECTION_ANSWER, walk->owner, node, set, set->ttl, &place)) {
        walk->out->truncated = true;
        return STEP_DONE;
    }
    const uint8_t *at = rrset_data(node, set);
    uint16_t len;
    return follow(walk, rdata_next(set, &at, &len), place);
}

/* The labels of `name` above `zone_labels`-deep owner, then the DNAME's target; false: too long. */
static bool dname_substitute(const struct walk *walk, unsigned owner_labels, const uint8_t *target,
                             uint8_t *out)
{
    const uint8_t *owner = name_tail(walk, owner_labels);
    size_t prefix = (size_t)(owner - walk->name), len = name_len(target);
    if (prefix + len > NAME_MAX) {
        return false;
    }
    memcpy(out, walk->name, prefix);
    memcpy(out + prefix, target, len);
    return true;
}

/* Each DNAME stands in the answer once, however often its chain passes it (RFC 2181 5). */
static bool dname_seen(struct walk *walk, ref_t dname)
{
    for (unsigned i = 0; i < walk->dname_count; i++) {
        if (walk->dnames[i] == dname) {
            return true;
        }
    }
    if (walk->dname_count < LIMIT_CHAIN) {
        walk->dnames[walk->dname_count++] = dname;
    }
    return false;
}

static enum step dname(struct walk *walk)
{
    unsigned labels = walk->found.cut_labels;
    const struct node *node = node_at(walk->slab, walk->found.cut);
    const struct rrset *set = node_find(node, TYPE_DNAME);
    const uint8_t *at = rrset_data(node, set);
    uint16_t len, place = 0;
    const uint8_t *target = rdata_next(set, &at, &len);
    uint8_t name[NAME_MAX];
    walk->out->kind = ANSWER_POSITIVE;
    if (walk->links == LIMIT_CHAIN) {
        return STEP_DONE;
    }
    trace_name(walk, TRACE_DNAME, name_tail(walk, labels));
    if (!dname_seen(walk, walk->found.cut)) {
        add_set(walk, SECTION_ANSWER, owner_tail(walk, labels), node, set);
    }
    if (!dname_substitute(walk, labels, target, name)) {
        walk->out->rcode = RCODE_YXDOMAIN;
        return STEP_DONE;
    }
    if (walk->out->truncated || !reply_add_name(walk->reply, SECTION_ANSWER, walk->owner,
                                                TYPE_CNAME, set->ttl, name, &place)) {
        walk->out->truncated = true;
        return STEP_DONE;
    }
    if (walk->qtype == TYPE_CNAME || walk->qtype == TYPE_ANY) {
        return STEP_DONE;
    }
    return follow(walk, name, place);
}

/* --- registered names ----------------------------------------------------------------------------
 */

static void add_picked(struct walk *walk, const struct node *node, const struct rrset *set,
                       const struct pick *pick, bool whole)
{
    unsigned added =
        reply_add_picked(walk->reply, SECTION_ANSWER, walk->owner, node, set, set->ttl, pick);
    const struct glue no_cut = {0};
    struct rrset one = *set;
    walk->out->truncated = walk->out->truncated || !whole || added < pick->count;
    trace_add(walk->trace, TRACE_PICK, "%u of %u records%s", added, set->count,
              whole ? "" : ", the same ones whenever this client asks");
    one.count = 1;
    for (unsigned i = 0; i < added && !walk->out->truncated; i++) {
        one.at = pick->at[i];
        add_addresses(walk, node, &one, &no_cut);
    }
}

/* All of the set, beginning anywhere; what does not fit is left out by client, not by chance, so
 * that who asks again is told the same (and over TCP: all). */
static void add_rotated(struct walk *walk, const struct node *node, const struct rrset *set)
{
    struct reply mark = *walk->reply;
    const struct glue no_cut = {0};
    unsigned start = set->count > 1 ? (unsigned)((walk->draw.random >> 32) * set->count >> 32) : 0;
    if (reply_add_rotated(walk->reply, SECTION_ANSWER, walk->owner, node, set, set->ttl, start)) {
        add_addresses(walk, node, set, &no_cut);
        return;
    }
    struct pick pick;
    reply_rewind(walk->reply, &mark);
    pick_stable(node, set, walk->draw.client, PICK_MOST, &pick);
    walk->out->per_client = true;
    add_picked(walk, node, set, &pick, false);
}

/* The variant of a registered name for the site that the client is in; the name's own node when
 * that is not known. */
static const struct node *site_variant(struct walk *walk, const struct node *node)
{
    unsigned site = scope_site(walk->scope, walk->draw.client);
    uint8_t name[SITE_LABEL_BYTES + NAME_MAX];
    struct qp_space space;
    struct qp_name variant;
    walk->out->per_client = true;
    if (site == VIEW_NONE) {
        trace_add(walk->trace, TRACE_PICK, "the client is in no site");
        return node;
    }
    site_label(name, site);
    memcpy(name + SITE_LABEL_BYTES, node->name, node_name_len(node));
    qp_name_init(&variant, &space, name, SITE_LABEL_BYTES + (size_t)node_name_len(node));
    ref_t ref = qp_get(walk->slab, walk->zone->root, &variant);
    const struct node *found = ref ? node_at(walk->slab, ref) : NULL;
    trace_add(walk->trace, TRACE_PICK, "the client is in site number %u of the configuration",
              site + 1);
    return found && found->head.flags & NODE_SERVICE ? found : node;
}

/* A registered name: what its policy takes of the set. */
static void service_matched(struct walk *walk, const struct node *node)
{
    const uint8_t *weights;
    struct policy policy = policy_read(node, &weights);
    if (policy.by_site) {
        node = site_variant(walk, node);
        policy = policy_read(node, &weights);
    }
    unsigned count;
    const struct rrset *sets = node_visible_sets(node, &count), *set = NULL;
    for (unsigned i = 0; i < count && !set; i++) {
        set = sets[i].type == walk->qtype || walk->qtype == TYPE_ANY ? &sets[i] : NULL;
    }
    if (!set) {
        walk->denied = node;
        negative_for(walk, false, policy.negative_ttl_s);
        return;
    }
    told_set(walk->told, walk->slab, node, set);
    bool address = set->type == TYPE_A || set->type == TYPE_AAAA;
    walk->out->kind = ANSWER_POSITIVE;
    trace_set(walk, TRACE_DATA, set);
    if (policy.mode == POLICY_ALL || (policy.mode == POLICY_WEIGHTED && !address)) {
        add_rotated(walk, node, set);
        return;
    }
    struct pick pick;
    if (policy.mode == POLICY_WEIGHTED) {
        weights += set->type == TYPE_AAAA ? 2 * (size_t)policy.counts[0] : 0;
        pick_weighted(set, policy.weighted ? weights : NULL, walk->draw.random, policy.answers,
                      &pick);
    } else {
        pick_stable(node, set, walk->draw.client, policy.answers, &pick);
        walk->out->per_client = true;
    }
    add_picked(walk, node, set, &pick, true);
}

/* The name is `node`'s, or the node is the wildcard that stands in for it. */
static enum step matched(struct walk *walk, const struct node *node)
{
    if (node->head.flags & NODE_SERVICE) {
        service_matched(walk, node);
        return STEP_DONE;
    }
    const struct rrset *set = walk->qtype == TYPE_ANY
                                  ? node_rrsets(node) /* RFC 8482 4.1: one set */
                                  : node_find(node, walk->qtype);
    const struct glue no_cut = {0};
    if (walk->qtype == TYPE_ANY && node->head.flags & NODE_CNAME) {
        set = node_find(node, TYPE_CNAME);
    }
    if (set) {
        walk->out->kind = ANSWER_POSITIVE;
        trace_set(walk, TRACE_DATA, set);
        add_set(walk, SECTION_ANSWER, walk->owner, node, set);
        if (!walk->out->truncated) {
            add_addresses(walk, node, set, &no_cut);
        }
        return STEP_DONE;
    }
    if (node->head.flags & NODE_CNAME) {
        return cname(walk, node, node_find(node, TYPE_CNAME));
    }
    walk->denied = node;
    negative(walk, false);
    return STEP_DONE;
}

/* RFC 4592 3.3: the wildcard below the closest encloser. */
static enum step wildcard(struct walk *walk)
{
    unsigned encloser = walk->found.encloser;
    const uint8_t *tail = name_tail(walk, encloser);
    trace_name(walk, TRACE_ENCLOSER, tail);
    if (!(walk->zone->head.flags & ZONE_VIEW_WILDCARD)) {
        negative(walk, true);
        return STEP_DONE;
    }
    uint8_t name[NAME_MAX + 2] = {1, '*'};
    size_t rest = (size_t)(walk->name + walk->name_len - tail) - walk->zone->origin_len;
    memcpy(name + 2, tail, rest);
    struct qp_space space;
    struct qp_name star;
    struct qp_found found;
    qp_name_init(&star, &space, name, rest + 2);
    qp_find(walk->slab, walk->zone->root, &star, &found);
    if (!found.exists) {
        negative(walk, true);
        return STEP_DONE;
    }
    if (!found.exact) {
        negative(walk, false); /* `*` is an empty non-terminal */
        return STEP_DONE;
    }
    memcpy(name + 2 + rest, walk->zone->origin, walk->zone->origin_len);
    trace_name(walk, TRACE_WILDCARD, name);
    return matched(walk, node_at(walk->slab, found.exact));
}

static enum step exact(struct walk *walk)
{
    const struct node *node = node_at(walk->slab, walk->found.exact);
    trace_name(walk, TRACE_EXACT, walk->name);
    if (!(node->head.flags & NODE_CUT)) {
        return matched(walk, node);
    }
    if (walk->qtype == TYPE_DS) {
        trace_name(walk, TRACE_DS, walk->name);
        return matched(walk, node);
    }
    referral(walk, walk->found.exact, walk->relative.labels);
    return STEP_DONE;
}

/* --- links -------------------------------------------------------------------------------------
 */

/* Step 2: the nearest zone. DS at an apex is the parent's, when we serve the parent too. */
static bool find_zone(struct walk *walk)
{
    qp_name_init(&walk->absolute, &walk->space, walk->name, walk->name_len - 1);
    ref_t ref = qp_find_longest(walk->slab, walk->zones, &walk->absolute, false);
    if (ref && walk->qtype == TYPE_DS &&
        zone_view_at(walk->slab, ref)->origin_labels == walk->absolute.labels) {
        ref_t parent = qp_find_longest(walk->slab, walk->zones, &walk->absolute, true);
        ref = parent ? parent : ref;
    }
    if (!ref) {
        return false;
    }
    walk->zone = zone_view_at(walk->slab, ref);
    qp_name_front(&walk->relative, &walk->absolute, walk->zone->origin_labels);
    reply_zone_set(walk->reply, walk->zone->origin, walk->zone->origin_len, owner_tail(walk, 0));
    trace_name(walk, TRACE_ZONE, walk->zone->origin);
    return true;
}

static enum step link_answer(struct walk *walk)
{
    bool first = walk->links == 0;
    if (!find_zone(walk)) {
        if (first) {
            walk->out->rcode = RCODE_REFUSED;
            walk->out->kind = ANSWER_REFUSED;
            walk->out->ede = EDE_NOT_AUTHORITATIVE;
            trace_name(walk, TRACE_REFUSED, walk->name);
        }
        return STEP_DONE;
    }
    if (first) {
        walk->out->zone = walk->zone->zone;
    }
    if (!(walk->zone->head.flags & ZONE_VIEW_LOADED)) {
        trace_name(walk, TRACE_SERVFAIL, walk->zone->origin);
        walk->out->rcode = RCODE_SERVFAIL;
        walk->out->kind = ANSWER_SERVFAIL;
        walk->out->ede = EDE_NOT_READY;
        return STEP_DONE;
    }
    qp_find(walk->slab, walk->zone->root, &walk->relative, &walk->found);
    bool delegated = walk->found.cut_flags & LEAF_CUT;
    delegated = delegated ||
                (walk->found.exact && walk->qtype != TYPE_DS &&
                 node_at(walk->slab, walk->found.exact)->head.flags & NODE_CUT && !walk->found.cut);
    if (first) {
        walk->out->authoritative = !delegated;
    }
    if (walk->found.cut) {
        if (delegated) {
            referral(walk, walk->found.cut, walk->found.cut_labels);
            return STEP_DONE;
        }
        return dname(walk);
    }
    if (walk->found.exact) {
        return exact(walk);
    }
    if (walk->found.exists) {
        trace_name(walk, TRACE_ENT, walk->name);
        negative(walk, false);
        return STEP_DONE;
    }
    return wildcard(walk);
}

void walk_answer(const struct snapshot *snapshot, unsigned view, const struct query *query,
                 const struct walk_draw *draw, struct reply *reply, struct walk_result *out,
                 struct told_list *told, struct trace *trace)
{
    struct walk walk;
    *out = (struct walk_result){.ede = EDE_NONE, .zone = UINT32_MAX, .kind = ANSWER_NODATA};
    walk.slab = snapshot->slab;
    walk.scope = snapshot->scope;
    walk.zones = snapshot->views[view];
    walk.qtype = query->qtype;
    walk.dnssec_ok = query->dnssec_ok;
    walk.draw = *draw;
    walk.reply = reply;
    walk.out = out;
    walk.told = told;
    walk.denied = NULL;
    walk.trace = trace;
    walk.name_len = query->name_len;
    memcpy(walk.name, query->name, query->name_len);
    walk.owner = HEADER_BYTES;
    walk.links = 0;
    walk.absolute = walk.relative = (struct qp_name){0};
    walk.found = (struct qp_found){0};
    walk.dname_count = 0;
    while (link_answer(&walk) == STEP_NEXT_LINK) {
    }
    if (out->truncated) {
        trace_add(trace, TRACE_TRUNCATED, "TC set");
    }
}
