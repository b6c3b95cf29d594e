/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a service and the health of its instances to the nodes of its names.
 *
 *   web.prod.internal.             A, AAAA, SRV, TXT, HTTPS of the chosen, and the hidden policy
 *   _http._tcp.web.prod.internal.  SRV (RFC 2782), for each declared pair of labels
 *   v2.web.prod.internal.          the same for those with a declared tag
 *   web-1.web.prod.internal.       A, AAAA, TXT of one instance, whatever its health: who asks for
 *                                  it by name (as the target of SRV) means it
 */
#include "control/service_build.h"

#include "base/error.h"
#include "dns/message.h"
#include "snapshot/leak.h"

#include <stdlib.h>

/* --- who is there --------------------------------------------------------------------------------
 */

uint64_t instance_views(const struct desired *desired, const struct instance *instance)
{
    uint64_t views = 0;
    for (unsigned i = 0; i < instance->address_count; i++) {
        const char *view = instance->addresses[i].view;
        unsigned number = view ? desired_view_find(desired, view) : VIEW_NONE;
        views |= !view ? VIEWS_ALL : number != VIEW_NONE ? UINT64_C(1) << number : 0;
    }
    return views;
}

bool address_meant(const struct instance *instance, unsigned index, const char *view)
{
    const struct service_address *address = &instance->addresses[index];
    if (address->view) {
        return strcmp(address->view, view) == 0;
    }
    for (unsigned i = 0; i < instance->address_count; i++) {
        if (instance->addresses[i].view && strcmp(instance->addresses[i].view, view) == 0) {
            return false;
        }
    }
    return true;
}

bool address_shown(const struct desired *desired, const struct instance *instance, unsigned index,
                   unsigned view)
{
    return address_meant(instance, index, desired->views[view].name) &&
           leak_allows(desired, view, instance->service, &instance->addresses[index].address);
}

bool instance_shown(const struct desired *desired, const struct instance *instance, unsigned view)
{
    for (unsigned i = 0; i < instance->address_count; i++) {
        if (address_shown(desired, instance, i, view)) {
            return true;
        }
    }
    return false;
}

static bool has_tag(const struct instance *instance, const char *tag)
{
    for (unsigned i = 0; i < instance->tag_count; i++) {
        if (strcmp(instance->tags[i], tag) == 0) {
            return true;
        }
    }
    return false;
}

static uint16_t site_pool(const struct service *service, const char *site)
{
    for (unsigned i = 0; site && i < service->site_count; i++) {
        if (strcmp(service->sites[i], site) == 0) {
            return (uint16_t)i;
        }
    }
    return POOL_REST;
}

/* An override of a whole site is no person's word about each instance: a service that has nothing
 * elsewhere stays there. */
static bool takes_site_out(const struct override *override)
{
    return override && override->site && override->action != OVERRIDE_UP;
}

uint32_t service_candidates(const struct services *services, const struct desired *desired,
                            const struct service_entry *entry, const struct service *policy,
                            unsigned view, const char *tag, struct candidate *candidates,
                            const struct instance_entry **entries)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        const struct instance *instance = instance_now(entry->instances[i]);
        const struct instance_run *run = instance_run(entry->instances[i]);
        if (!instance || !run || (tag && !has_tag(instance, tag)) ||
            !instance_shown(desired, instance, view)) {
            continue;
        }
        bool out = takes_site_out(run->override);
        entries[count] = entry->instances[i];
        candidates[count++] = (struct candidate){
            .verdict = storm_holds(services, run) ? run->verdict_before : run->verdict,
            .braked = storm_holds(services, run),
            .override = (uint8_t)(run->override && !out ? 1 + run->override->action : 0),
            .site_out = out || site_failed(services, instance->site),
            .pool = site_pool(policy, instance->site),
            .weight = instance->weight,
            .proven = run->proven,
            .ramp = instance_ramp(run, services->now),
        };
    }
    return count;
}

/* --- one name ------------------------------------------------------------------------------------
 */

struct weighted_address {
    uint8_t bytes[16]; /* an IPv4 address stands in the first four */
    uint16_t type;
    uint32_t weight;
};

static int address_order(const void *left, const void *right)
{
    const struct weighted_address *a = left, *b = right;
    return a->type != b->type ? (a->type < b->type ? -1 : 1)
                              : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* How much of one set a reply can hold is used up, by type; what would be too much is left out. */
static size_t *set_bytes(struct build *build, uint16_t type)
{
    static const uint16_t types[SET_TYPES] = {TYPE_A,   TYPE_AAAA,  TYPE_SRV,
                                              TYPE_TXT, TYPE_HTTPS, TYPE_SVCB};
    for (unsigned i = 0; i < SET_TYPES; i++) {
        if (types[i] == type) {
            return &build->set_bytes[i];
        }
    }
    return NULL;
}

/* Returns whether it was added. */
static bool record_add(struct build *build, uint16_t type, const void *rdata, size_t len)
{
    size_t *used = set_bytes(build, type);
    if (used && *used + len + RECORD_HEAD > LIMIT_RRSET_BYTES) {
        return false;
    }
    uint8_t *copy = arena_copy(&build->arena, rdata, len);
    build->nomem = build->nomem || !copy ||
                   node_draft_add(&build->draft, type, build->ttl_s, copy, (uint16_t)len) != ERR_OK;
    if (used) {
        *used += len + RECORD_HEAD;
    }
    return true;
}

void instance_name(const struct service *service, const char *id, uint8_t out[NAME_MAX])
{
    uint8_t label[64];
    instance_label(service, id, label);
    memcpy(out, label, label[0] + 1u);
    memcpy(out + label[0] + 1, service->name, name_len(service->name));
}

static void srv_add(struct build *build, const struct instance *instance, uint16_t weight)
{
    uint8_t rdata[6 + NAME_MAX];
    wire_write16(rdata, instance->priority);
    wire_write16(rdata + 2, weight);
    wire_write16(rdata + 4, instance->port);
    instance_name(build->service, instance->id, rdata + 6);
    record_add(build, TYPE_SRV, rdata, 6 + name_len(rdata + 6));
}

/* One TXT of an instance: "id=...", "tags=...", and its metadata, a string each. */
static void txt_add(struct build *build, const struct instance *instance)
{
    struct buf rdata;
    char text[1];
    bool failed = false;
    if (instance->meta_count == 0 && instance->tag_count == 0) {
        return;
    }
    buf_init(&rdata, build->services->alloc);
    for (unsigned i = 0; i <= (unsigned)instance->tag_count + instance->meta_count; i++) {
        unsigned meta = i - 1 - instance->tag_count;
        const char *key = i == 0                     ? "id"
                          : i <= instance->tag_count ? "tag"
                                                     : instance->meta[meta].key;
        const char *value = i == 0                     ? instance->id
                            : i <= instance->tag_count ? instance->tags[i - 1]
                                                       : instance->meta[meta].value;
        size_t key_len = strlen(key), value_len = strlen(value);
        value_len = value_len > 254 - key_len ? 254 - key_len : value_len;
        text[0] = (char)(key_len + 1 + value_len);
        failed = failed || buf_append(&rdata, text, 1) != ERR_OK ||
                 buf_append(&rdata, key, key_len) != ERR_OK ||
                 buf_append(&rdata, "=", 1) != ERR_OK ||
                 buf_append(&rdata, value, value_len) != ERR_OK;
    }
    if (!failed && rdata.len <= 4096) {
        record_add(build, TYPE_TXT, rdata.data, rdata.len);
    }
    build->nomem = build->nomem || failed;
    buf_deinit(&rdata);
}

/* The addresses of an instance in the build's view, behind what is there. */
static uint32_t addresses_of(const struct build *build, const struct instance *instance,
                             uint32_t weight, struct weighted_address *out)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < instance->address_count; i++) {
        const struct address *address = &instance->addresses[i].address;
        if (!address_shown(build->target->desired, instance, i, build->view)) {
            continue;
        }
        bool v4 = address_is_v4(address);
        out[count] = (struct weighted_address){.type = v4 ? TYPE_A : TYPE_AAAA, .weight = weight};
        memcpy(out[count].bytes, address->bytes + (v4 ? 12 : 0), v4 ? 4 : 16);
        count++;
    }
    return count;
}

/* --- HTTPS and SVCB (RFC 9460) --------------------------------------------------------------- */

enum {
    SVC_PORT = 3,
    SVC_IPV4HINT = 4,
    SVC_IPV6HINT = 6,
    HTTPS_PORT = 443,
    HINTS_MOST = 16 /* of each family: hints are hints, the addresses stand beside them */
};

static int param_append(struct buf *rdata, unsigned key, const void *value, size_t len)
{
    uint8_t head[4];
    wire_write16(head, key);
    wire_write16(head + 2, (unsigned)len);
    int err = buf_append(rdata, head, sizeof(head));
    return err == ERR_OK ? buf_append(rdata, value, len) : err;
}

/* One record for a port: the service itself is the target; keys in order (2.2). */
static int service_binding(struct build *build, uint16_t type, uint16_t port, const uint8_t *v4,
                           unsigned v4_count, const uint8_t *v6, unsigned v6_count)
{
    static const uint8_t head[3] = {0, 1, 0}; /* priority 1, target "." */
    struct buf rdata;
    uint8_t wire_port[2];
    buf_init(&rdata, build->services->alloc);
    wire_write16(wire_port, port);
    int err = buf_append(&rdata, head, sizeof(head));
    if (err == ERR_OK && (port != HTTPS_PORT || type == TYPE_SVCB)) {
        err = param_append(&rdata, SVC_PORT, wire_port, 2);
    }
    if (err == ERR_OK && v4_count > 0) {
        err = param_append(&rdata, SVC_IPV4HINT, v4, (size_t)4 * v4_count);
    }
    if (err == ERR_OK && v6_count > 0) {
        err = param_append(&rdata, SVC_IPV6HINT, v6, (size_t)16 * v6_count);
    }
    if (err == ERR_OK) {
        record_add(build, type, rdata.data, rdata.len);
    }
    buf_deinit(&rdata);
    return err;
}

/* For each port of the chosen, the first time it comes: those that have it. */
static int bindings_add(struct build *build, uint32_t count)
{
    int err = ERR_OK;
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        uint16_t port = instance_now(build->entries[i])->port;
        uint8_t v4[4 * HINTS_MOST], v6[16 * HINTS_MOST];
        unsigned v4_count = 0, v6_count = 0;
        bool seen = !build->candidates[i].chosen || port == 0;
        for (uint32_t k = 0; k < i && !seen; k++) {
            seen = build->candidates[k].chosen && instance_now(build->entries[k])->port == port;
        }
        for (uint32_t k = i; k < count && !seen; k++) {
            const struct instance *instance = instance_now(build->entries[k]);
            struct weighted_address list[LIMIT_INSTANCE_ADDRESSES];
            bool has = build->candidates[k].chosen && instance->port == port;
            uint32_t found = has ? addresses_of(build, instance, 1, list) : 0;
            for (uint32_t n = 0; n < found; n++) {
                if (list[n].type == TYPE_A && v4_count < HINTS_MOST) {
                    memcpy(v4 + (size_t)4 * v4_count++, list[n].bytes, 4);
                } else if (list[n].type == TYPE_AAAA && v6_count < HINTS_MOST) {
                    memcpy(v6 + (size_t)16 * v6_count++, list[n].bytes, 16);
                }
            }
        }
        if (!seen && build->service->https) {
            err = service_binding(build, TYPE_HTTPS, port, v4, v4_count, v6, v6_count);
        }
        if (!seen && build->service->svcb && err == ERR_OK) {
            err = service_binding(build, TYPE_SVCB, port, v4, v4_count, v6, v6_count);
        }
    }
    return err;
}

/* Sorts, joins equal ones (instances that share an address), and adds them as records. */
static uint32_t addresses_add(struct build *build, struct weighted_address *list, uint32_t count,
                              uint16_t *weights, uint16_t counts[2])
{
    uint32_t kept = 0;
    counts[0] = counts[1] = 0;
    if (count > 0) {
        qsort(list, count, sizeof(*list), address_order);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (kept > 0 && address_order(&list[kept - 1], &list[i]) == 0) {
            list[kept - 1].weight += list[i].weight;
        } else {
            list[kept++] = list[i];
        }
    }
    for (uint32_t i = 0; i < kept; i++) {
        bool v6 = list[i].type == TYPE_AAAA;
        if (!record_add(build, list[i].type, list[i].bytes, v6 ? 16 : 4)) {
            continue;
        }
        if (weights) {
            weights[counts[0] + counts[1]] =
                (uint16_t)(list[i].weight < UINT16_MAX ? list[i].weight : UINT16_MAX);
        }
        counts[v6]++;
    }
    return kept;
}

static void policy_add(struct build *build, const struct policy *policy, const uint16_t *weights)
{
    build->policy.len = 0;
    if (policy_encode(&build->policy, policy, weights) != ERR_OK) {
        build->nomem = true;
        return;
    }
    record_add(build, TYPE_POLICY, build->policy.data, build->policy.len);
}

/* Encodes what the draft holds as one more name. */
static int job_add(struct build *build, const uint8_t *name)
{
    if (build->nomem) {
        return ERR_NOMEM;
    }
    if (build->job_count == build->job_cap) {
        uint32_t cap = build->job_cap ? build->job_cap * 2 : 8;
        struct job *jobs =
            mem_resize(build->services->alloc, build->jobs, cap * sizeof(*build->jobs));
        if (!jobs) {
            return ERR_NOMEM;
        }
        build->jobs = jobs;
        build->job_cap = cap;
    }
    struct job *job = &build->jobs[build->job_count];
    size_t len = name_len(name);
    memcpy(job->name, name, len);
    int err = node_encode(build->target->txn, name, len - build->origin_len, &build->draft,
                          &job->ref, NULL);
    build->job_count += err == ERR_OK;
    memset(build->set_bytes, 0, sizeof(build->set_bytes));
    node_draft_clear(&build->draft);
    arena_clear(&build->arena);
    return err;
}

static uint32_t negative_ttl(const struct build *build)
{
    return build->ttl_s < LIMIT_REGISTRY_NEGATIVE_TTL_S ? build->ttl_s
                                                        : LIMIT_REGISTRY_NEGATIVE_TTL_S;
}

/* --- where the client is -------------------------------------------------------------------- */

/* Are there variants by site? */
static bool follows_client(const struct build *build)
{
    return build->service->locality != LOCALITY_ANY && build->target->desired->site_count > 0;
}

static void order_add(struct service *policy, const char **order, const char *site)
{
    for (unsigned i = 0; i < policy->site_count; i++) {
        if (strcmp(order[i], site) == 0) {
            return;
        }
    }
    order[policy->site_count++] = site;
}

/* The order of sites for the clients of `site`: their own, those near it, the service's list. */
static void site_order(struct service *policy, const struct service *service,
                       const struct desired_site *site, const char **order)
{
    policy->site_count = 0;
    order_add(policy, order, site->name);
    for (unsigned i = 0; service->locality == LOCALITY_NEAREST && i < site->near_count; i++) {
        order_add(policy, order, site->near[i]);
    }
    for (unsigned i = 0; i < service->site_count; i++) {
        order_add(policy, order, service->sites[i]);
    }
    policy->sites = order;
}

/* Only the candidates of the first pool. */
static uint32_t pin(struct candidate *candidates, const struct instance_entry **entries,
                    uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (candidates[i].pool == 0) {
            entries[kept] = entries[i];
            candidates[kept++] = candidates[i];
        }
    }
    return kept;
}

uint32_t service_choose(const struct services *services, const struct desired *desired,
                        const struct service_entry *entry, const struct question_from *from,
                        struct candidate *candidates, const struct instance_entry **entries,
                        struct choice *choice)
{
    const struct service *service = service_now(entry);
    const struct desired_site *site = service->locality == LOCALITY_ANY ? NULL : from->site;
    const char *order[2 * LIMIT_TAGS + 1];
    struct service policy = *service;
    if (site) {
        site_order(&policy, service, site, order);
    }
    uint32_t count = service_candidates(services, desired, entry, &policy, from->view, from->tag,
                                        candidates, entries);
    sites_apply(services, desired, entry, from->view, candidates, entries, count);
    if (site && service->locality == LOCALITY_PIN) {
        count = pin(candidates, entries, count);
    }
    choose(&policy, candidates, count, choice);
    if (site && service->locality == LOCALITY_NEAREST && service->mode == MODE_WEIGHTED) {
        choose_spill(&policy, candidates, count, choice);
    }
    choice->site = choice->pool < policy.site_count ? policy.sites[choice->pool] : NULL;
    return count;
}

/* The draft of the chosen among those with `tag` (NULL: all). */
static int chosen_draft(struct build *build, const char *tag, bool only_srv, struct choice *choice)
{
    const struct service *service = build->service;
    const struct question_from from = {.view = build->view, .tag = tag, .site = build->site};
    uint32_t count = service_choose(build->services, build->target->desired, build->run->entry,
                                    &from, build->candidates, build->entries, choice);
    uint32_t most = 0, used = 0;
    for (uint32_t i = 0; i < count; i++) {
        most += build->candidates[i].chosen ? instance_now(build->entries[i])->address_count : 0;
    }
    struct weighted_address *list = arena_new(&build->arena, (most + 1) * sizeof(*list));
    uint16_t *weights = arena_new(&build->arena, (most + 1) * sizeof(*weights));
    if (!list || !weights) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct instance *instance = instance_now(build->entries[i]);
        if (!build->candidates[i].chosen) {
            continue;
        }
        if (!only_srv) {
            used += addresses_of(build, instance, build->candidates[i].share, list + used);
        }
        if (!only_srv && !service->over_zone) {
            txt_add(build, instance);
        }
        if (!service->over_zone) {
            srv_add(build, instance, build->candidates[i].share);
        }
        if (!tag && !build->site) {
            instance_run(build->entries[i])->answered = true;
        }
    }
    if (!only_srv && (service->https || service->svcb)) {
        int err = bindings_add(build, count);
        if (err != ERR_OK) {
            return err;
        }
    }
    struct policy head = {.mode = (uint8_t)service->mode,
                          .answers = service->answers,
                          .negative_ttl_s = negative_ttl(build),
                          .by_site = !build->site && follows_client(build)};
    addresses_add(build, list, used, weights, head.counts);
    policy_add(build, &head, service->mode == MODE_WEIGHTED ? weights : NULL);
    return build->nomem ? ERR_NOMEM : ERR_OK;
}

/* Has any instance an address of the type, so that the zone's own are not answered? */
static bool type_is_ours(const struct build *build, uint16_t type)
{
    const struct service_entry *entry = build->run->entry;
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        const struct instance *instance = instance_now(entry->instances[i]);
        for (unsigned k = 0; instance && k < instance->address_count; k++) {
            bool v4 = address_is_v4(&instance->addresses[k].address);
            if (type == (v4 ? TYPE_A : TYPE_AAAA)) {
                return true;
            }
        }
    }
    return false;
}

/* Adds what the zone has at the service's name to the draft. What stands there may be the zone's
 * own node, or one that was made here before: then what is not ours is the zone's still.
 * *ret_alias: it is an alias, which nothing can stand beside. */
static int zone_rest_add(struct build *build, bool *ret_alias)
{
    const struct node *node = slot_node(build->target, build->slot, build->service->name);
    unsigned count = 0;
    int err = ERR_OK;
    const struct rrset *sets = node ? node_visible_sets(node, &count) : NULL;
    *ret_alias = false;
    for (unsigned i = 0; i < count && err == ERR_OK; i++) {
        const uint8_t *at = rrset_data(node, &sets[i]);
        *ret_alias = *ret_alias || sets[i].type == TYPE_CNAME;
        for (unsigned k = 0; k < sets[i].count && err == ERR_OK; k++) {
            uint16_t len;
            const uint8_t *rdata = rdata_next(&sets[i], &at, &len);
            if (!type_is_ours(build, sets[i].type)) {
                err = node_draft_add(&build->draft, sets[i].type, sets[i].ttl, rdata, len);
            }
        }
    }
    return err;
}

static int instance_job(struct build *build, const struct instance *instance)
{
    struct weighted_address list[LIMIT_INSTANCE_ADDRESSES];
    struct policy policy = {.mode = POLICY_ALL, .negative_ttl_s = negative_ttl(build)};
    uint8_t name[NAME_MAX];
    uint32_t count = addresses_of(build, instance, 1, list);
    if (count == 0) {
        return ERR_OK;
    }
    addresses_add(build, list, count, NULL, policy.counts);
    txt_add(build, instance);
    policy_add(build, &policy, NULL);
    instance_name(build->service, instance->id, name);
    return job_add(build, name);
}

/* "_http._tcp" or "v2" before the service's name; false: too long. */
static bool name_below(const struct service *service, const char *labels, uint8_t out[NAME_MAX])
{
    return name_from_text(labels, service->name, out) == ERR_OK;
}

/* One name for the clients of build->site. */
static int name_job(struct build *build, const uint8_t *name, const char *tag, bool only_srv,
                    struct choice *choice)
{
    bool alias = false;
    int err = chosen_draft(build, tag, only_srv, choice);
    if (err == ERR_OK && build->service->over_zone) {
        err = zone_rest_add(build, &alias);
    }
    if (alias) {
        node_draft_clear(&build->draft);
    }
    return err == ERR_OK && !alias ? job_add(build, name) : err;
}

/* One name, and its variants for the clients of each site. */
static int name_jobs(struct build *build, const uint8_t *name, const char *tag, bool only_srv,
                     struct choice *choice)
{
    const struct desired *desired = build->target->desired;
    struct choice part;
    int err = name_job(build, name, tag, only_srv, choice);
    size_t len = name_len(name);
    bool variants = follows_client(build) && len + SITE_LABEL_BYTES <= NAME_MAX;
    for (uint32_t i = 0; err == ERR_OK && variants && i < desired->site_count; i++) {
        uint8_t variant[NAME_MAX];
        site_label(variant, i);
        memcpy(variant + SITE_LABEL_BYTES, name, len);
        build->site = &desired->sites[i];
        err = name_job(build, variant, tag, only_srv, &part);
    }
    build->site = NULL;
    return err;
}

/* All names of the service as the build's view sees them. */
int jobs_make(struct build *build, bool all)
{
    const struct service *service = build->service;
    const struct service_entry *entry = build->run->entry;
    struct choice choice, part;
    uint8_t name[NAME_MAX];
    int err = name_jobs(build, service->name, NULL, false, &choice);
    build->run->kind = build->told ? build->run->kind : choice.kind; /* of the first view */
    build->told = true;
    for (unsigned i = 0; err == ERR_OK && i < service->srv_count; i++) {
        if (name_below(service, service->srv[i], name)) {
            err = name_jobs(build, name, NULL, true, &part);
        }
    }
    for (unsigned i = 0; err == ERR_OK && i < service->tag_count; i++) {
        if (name_below(service, service->tags[i], name)) {
            err = name_jobs(build, name, service->tags[i], false, &part);
        }
    }
    for (uint32_t i = 0; err == ERR_OK && all && !service->over_zone && i < entry->instance_count;
         i++) {
        const struct instance *instance = instance_now(entry->instances[i]);
        err = instance ? instance_job(build, instance) : ERR_OK;
    }
    return err;
}

/* The variants of a name, as many as there could be. */
static void variants_each(const struct service *service, const uint8_t *name, name_fn *each,
                          void *ctx)
{
    uint8_t variant[NAME_MAX];
    size_t len = name_len(name);
    bool has = service->locality != LOCALITY_ANY && len + SITE_LABEL_BYTES <= NAME_MAX;
    for (unsigned site = 0; has && site < LIMIT_VIEWS; site++) {
        site_label(variant, site);
        memcpy(variant + SITE_LABEL_BYTES, name, len);
        each(ctx, variant);
    }
}

void service_names_each(const struct service *service, struct service_entry *entry, name_fn *each,
                        void *ctx)
{
    uint8_t name[NAME_MAX];
    variants_each(service, service->name, each, ctx);
    for (unsigned i = 0; i < service->srv_count; i++) {
        if (name_below(service, service->srv[i], name)) {
            each(ctx, name);
            variants_each(service, name, each, ctx);
        }
    }
    for (unsigned i = 0; i < service->tag_count; i++) {
        if (name_below(service, service->tags[i], name)) {
            each(ctx, name);
            variants_each(service, name, each, ctx);
        }
    }
    for (uint32_t i = 0; !service->over_zone && i < entry->instance_count; i++) {
        instance_name(service, entry->instances[i]->id, name);
        each(ctx, name);
    }
}
