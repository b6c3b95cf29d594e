/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/until.h"

#include "api/json_text.h"
#include "api/zones.h"
#include "base/error.h"
#include "control/reach.h"
#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/zonetext.h"
#include "snapshot/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NS_PER_S = 1000000000,
    CLOCKS_APART_NS = 10000000, /* between the two clocks being read; the transit has room for it */
    RDATA_SHOWN_BYTES = 1024,
    DATA_SHOWN = 64
};

/* One name as one view sees it. */
struct sight {
    const struct until_world *until;
    const struct slab *slab;
    const struct zone_view *zone;
    const uint8_t *name; /* absolute, lower case */
    const struct node *node, *apex;
};

struct wall until_wall(const struct until_world *until, uint32_t second)
{
    if (second == 0) {
        return (struct wall){0};
    }
    int64_t mono_ns = until->ledger->born.ns + ((int64_t)second + UNTIL_TRANSIT_S) * NS_PER_S;
    int64_t ns = until->wall.ns + (mono_ns - until->now.ns) - CLOCKS_APART_NS;
    return (struct wall){(ns + NS_PER_S - 1) / NS_PER_S *
                         NS_PER_S}; /* shown whole: never earlier */
}

static void sent_add(json_t *object, const struct until_world *until, uint32_t second,
                     uint32_t ttl_s)
{
    int64_t left_ns = 0;
    if (second > 0) {
        struct wall over = until_wall(until, second);
        left_ns = over.ns - until->wall.ns;
        json_object_set_new(object, "until", wall_to_json(over));
        json_object_set_new(
            object, "last_sent",
            wall_to_json((struct wall){over.ns - ((int64_t)ttl_s + UNTIL_TRANSIT_S) * NS_PER_S}));
        uint32_t longer = ttl_s < until->minimum_ttl_s ? until->minimum_ttl_s - ttl_s : 0;
        json_object_set_new(
            object, "pessimistic",
            wall_to_json((struct wall){over.ns + ((int64_t)longer + until->beyond_s) * NS_PER_S}));
    } else {
        json_object_set_new(object, "pessimistic", json_null());
        json_object_set_new(object, "until", json_null());
        json_object_set_new(object, "last_sent", json_null());
    }
    json_object_set_new(object, "left", json_real(left_ns > 0 ? (double)left_ns / NS_PER_S : 0));
}

enum {
    DENIAL = 0 /* in the place of a type: what is denied at the name */
};

static uint32_t node_until(const struct sight *sight, const struct node *node, uint16_t type,
                           uint32_t ttl_s)
{
    const struct rrset *set = type == DENIAL ? NULL : node_find(node, type);
    if (!set && type != DENIAL) {
        return 0;
    }
    int number = set ? (int)(set - node_rrsets(node)) : -1;
    return ledger_until(sight->until->ledger, told_word(sight->slab, node, number), ttl_s);
}

/* The latest of the name's own answer and of its variants for the clients of each site. */
static uint32_t latest_until(const struct sight *sight, uint16_t type, uint32_t ttl_s)
{
    uint32_t latest = node_until(sight, sight->node, type, ttl_s);
    uint32_t sites = sight->until->world.desired->site_count;
    size_t len = name_len(sight->name) - sight->zone->origin_len;
    for (uint32_t i = 0; i < sites && len + SITE_LABEL_BYTES < NAME_MAX; i++) {
        uint8_t name[NAME_MAX];
        struct qp_space space;
        struct qp_name variant;
        site_label(name, i);
        memcpy(name + SITE_LABEL_BYTES, sight->name, len);
        qp_name_init(&variant, &space, name, SITE_LABEL_BYTES + len);
        ref_t ref = qp_get(sight->slab, sight->zone->root, &variant);
        uint32_t until = ref ? node_until(sight, node_at(sight->slab, ref), type, ttl_s) : 0;
        latest = until > latest ? until : latest;
    }
    return latest;
}

/* Does another set count on the same word? Then nobody knows which of them was sent. */
static bool is_shared(const struct sight *sight, const struct rrset *set)
{
    const struct rrset *sets = node_rrsets(sight->node);
    uint32_t word = told_word(sight->slab, sight->node, (int)(set - sets));
    bool shared = word == told_word(sight->slab, sight->node, -1);
    for (unsigned i = 0; i < sight->node->head.count; i++) {
        shared = shared || (&sets[i] != set && word == told_word(sight->slab, sight->node, (int)i));
    }
    return shared;
}

static json_t *set_json(const struct sight *sight, const struct rrset *set)
{
    char type[TYPE_TEXT_MAX], text[RDATA_SHOWN_BYTES];
    json_t *data = json_array();
    const uint8_t *at = rrset_data(sight->node, set);
    for (unsigned i = 0; i < set->count && i < DATA_SHOWN; i++) {
        uint16_t len;
        const uint8_t *rdata = rdata_next(set, &at, &len);
        if (rdata_to_text(set->type, rdata, len, text, sizeof(text)) < 0) {
            snprintf(text, sizeof(text), "... (%u bytes)", len);
        }
        json_array_append_new(data, json_text(text));
    }
    json_t *item = json_pack("{s:s, s:I, s:I, s:o}", "type", type_to_text(set->type, type), "ttl",
                             (json_int_t)set->ttl, "count", (json_int_t)set->count, "data", data);
    sent_add(item, sight->until, latest_until(sight, set->type, set->ttl), set->ttl);
    if (is_shared(sight, set)) {
        json_object_set_new(item, "last_sent", json_null());
    }
    return item;
}

/* Why the instants may be later than they need be; NULL: they are exact. */
static const char *bound_of(const struct sight *sight)
{
    unsigned views = 0;
    const struct snapshot *snapshot = sight->until->world.snapshot;
    if (!sight->node && sight->zone->head.flags & ZONE_VIEW_WILDCARD) {
        return "counts whatever was denied in the zone; what a wildcard answered is its own: ask "
               "for the name that begins with *";
    }
    if (!sight->node) {
        return "counts whatever was denied in the zone";
    }
    if (sight->node->head.flags & NODE_SERVICE) {
        const uint8_t *weights;
        struct policy policy = policy_read(sight->node, &weights);
        if (policy.mode != POLICY_ALL || policy.by_site) {
            return "a client was told some of the records: the latest of all is shown";
        }
    }
    if (told_words(sight->slab, sight->node).count <= sight->node->head.count) {
        return "its smallest sets share one account";
    }
    for (unsigned view = 0; view < snapshot->view_count; view++) {
        struct qp_space space;
        struct qp_name absolute;
        qp_name_init(&absolute, &space, sight->name, name_len(sight->name) - 1);
        ref_t ref = qp_find_longest(sight->slab, snapshot->views[view], &absolute, false);
        const struct zone_view *zone = ref ? zone_view_at(sight->slab, ref) : NULL;
        views += zone && node_of_name(sight->slab, zone->root, zone->origin_labels, sight->name) ==
                             sight->node;
    }
    return views > 1 ? "views that are answered alike share one account" : NULL;
}

/* The TTL of a denial is the zone's, or the policy's; the account has only when it ends. */
static uint32_t denied_until(const struct sight *sight)
{
    if (sight->node) {
        return latest_until(sight, DENIAL, 0);
    }
    return sight->apex ? node_until(sight, sight->apex, DENIAL, 0) : 0;
}

/* --- what the name is answered with no more ------------------------------------------------------
 */

struct replaced {
    const struct sight *sight;
    json_t *list;
};

static bool is_answered(const struct sight *sight, const struct kept_record *record)
{
    const struct rrset *set =
        sight->node && record->type ? node_find(sight->node, record->type) : NULL;
    const uint8_t *at = set ? rrset_data(sight->node, set) : NULL;
    for (unsigned i = 0; set && i < set->count; i++) {
        uint16_t len;
        const uint8_t *rdata = rdata_next(set, &at, &len);
        if (len == record->len && memcmp(rdata, record->rdata, len) == 0) {
            return true;
        }
    }
    return false;
}

static void replaced_add(void *ctx, const struct kept_record *record)
{
    const struct replaced *replaced = ctx;
    char type[TYPE_TEXT_MAX] = "denied", text[RDATA_SHOWN_BYTES] = "";
    if (record->type) {
        type_to_text(record->type, type);
        if (rdata_to_text(record->type, record->rdata, record->len, text, sizeof(text)) < 0) {
            snprintf(text, sizeof(text), "... (%u bytes)", record->len);
        }
    }
    json_t *item =
        json_pack("{s:s, s:I, s:o, s:b}", "type", type, "ttl", (json_int_t)record->ttl_s, "data",
                  json_text(text), "still_answered", is_answered(replaced->sight, record));
    sent_add(item, replaced->sight->until, record->until, record->ttl_s);
    if (!record->type) {
        json_object_set_new(item, "last_sent", json_null());
    }
    json_array_append_new(replaced->list, item);
}

static json_t *replaced_json(const struct sight *sight, const char *view)
{
    struct replaced replaced = {sight, json_array()};
    kept_each(&sight->until->ledger->kept, view, sight->name, replaced_add, &replaced);
    return replaced.list;
}

static json_t *view_json(const struct until_world *until, const uint8_t *name, unsigned view)
{
    const struct snapshot *snapshot = until->world.snapshot;
    struct sight sight = {.until = until, .slab = snapshot->slab, .name = name};
    struct qp_space space;
    struct qp_name absolute;
    char origin[NAME_TEXT_MAX];
    json_t *records = json_array(), *denied = json_object();
    qp_name_init(&absolute, &space, name, name_len(name) - 1);
    ref_t ref = qp_find_longest(snapshot->slab, snapshot->views[view], &absolute, false);
    sight.zone = ref ? zone_view_at(snapshot->slab, ref) : NULL;
    if (sight.zone && sight.zone->head.flags & ZONE_VIEW_LOADED) {
        sight.apex = zone_view_apex(snapshot->slab, sight.zone);
        sight.node =
            node_of_name(snapshot->slab, sight.zone->root, sight.zone->origin_labels, name);
    }
    unsigned count = 0;
    const struct rrset *sets = sight.node ? node_visible_sets(sight.node, &count) : NULL;
    for (unsigned i = 0; i < count; i++) {
        json_array_append_new(records, set_json(&sight, &sets[i]));
    }
    sent_add(denied, until, denied_until(&sight), 0);
    json_object_del(denied, "last_sent");
    const char *bound = sight.apex ? bound_of(&sight) : NULL;
    return json_pack(
        "{s:s, s:o, s:b, s:o, s:o, s:o, s:o}", "view", snapshot->scope->view_names[view], "zone",
        sight.zone ? json_text(name_to_text(sight.zone->origin, origin)) : json_null(), "exists",
        sight.node != NULL, "bound", json_text(bound), "records", records, "denied", denied,
        "replaced", replaced_json(&sight, snapshot->scope->view_names[view]));
}

int until_to_json(const struct until_world *until, const char *text, json_t **ret_json,
                  struct explain_refusal *refusal)
{
    uint8_t name[NAME_MAX];
    char shown[NAME_TEXT_MAX];
    if (!text || !*text || name_from_text(text, NULL, name) != ERR_OK) {
        *refusal = (struct explain_refusal){"name", "that is no name", "such as api.example.com"};
        return ERR_INVALID;
    }
    name_lower(name, name_len(name));
    json_t *views = json_array();
    for (unsigned view = 0; view < until->world.snapshot->view_count; view++) {
        json_array_append_new(views, view_json(until, name, view));
    }
    uint32_t lost = until->ledger->kept.lost_until;
    json_t *forgotten = json_object();
    sent_add(forgotten, until, lost, 0);
    json_object_del(forgotten, "last_sent");
    *ret_json = json_pack("{s:o, s:o, s:I, s:o, s:o}", "name", json_text(name_to_text(name, shown)),
                          "now", wall_to_json(until->wall), "transit_s",
                          (json_int_t)UNTIL_TRANSIT_S, "views", views, "forgotten", forgotten);
    return *ret_json ? ERR_OK : ERR_NOMEM;
}

/* --- of a site, or an instance -------------------------------------------------------------------
 */

static void reach_sent_add(json_t *object, const struct until_world *until,
                           const struct reach *reach)
{
    struct wall over = until_wall(until, reach->until);
    struct wall longest = until_wall(until, reach->longest);
    struct wall sent = until_wall(until, reach->last_sent);
    int64_t left_ns = reach->until ? over.ns - until->wall.ns : 0;
    longest.ns += longest.ns ? (int64_t)until->beyond_s * NS_PER_S : 0;
    sent.ns -= sent.ns ? (int64_t)UNTIL_TRANSIT_S * NS_PER_S : 0;
    json_object_set_new(object, "until", wall_to_json(over));
    json_object_set_new(object, "last_sent", wall_to_json(sent));
    json_object_set_new(object, "pessimistic", wall_to_json(longest));
    json_object_set_new(object, "left", json_real(left_ns > 0 ? (double)left_ns / NS_PER_S : 0));
    json_object_set_new(object, "ttl", json_integer(reach->ttl_s));
    json_object_set_new(object, "names", json_integer(reach->names));
    json_object_set_new(object, "answered", json_integer(reach->answered));
    json_object_set_new(object, "bound", json_boolean(reach->bound));
}

static void reach_join(struct reach *all, const struct reach *one)
{
    all->until = one->until > all->until ? one->until : all->until;
    all->longest = one->longest > all->longest ? one->longest : all->longest;
    all->last_sent = one->last_sent > all->last_sent ? one->last_sent : all->last_sent;
    all->ttl_s = one->ttl_s > all->ttl_s ? one->ttl_s : all->ttl_s;
    all->own_until = one->own_until > all->own_until ? one->own_until : all->own_until;
    all->instances = one->instances;
    all->names += one->names;
    all->answered += one->answered;
    all->bound = all->bound || one->bound;
}

int until_reach_to_json(const struct until_world *until, const char *site, const char *service,
                        const char *instance, json_t **ret_json, struct explain_refusal *refusal)
{
    const struct snapshot *snapshot = until->world.snapshot;
    uint8_t name[NAME_MAX];
    struct reach_target target = {
        .site = site, .instance = instance, .minimum_ttl_s = until->minimum_ttl_s};
    struct reach all = {0}, one;
    if (!site && (!service || name_from_text(service, NULL, name) != ERR_OK)) {
        *refusal = (struct explain_refusal){"service", "that is no name of a service",
                                            "such as web.prod.internal"};
        return ERR_INVALID;
    }
    if (!site) {
        name_lower(name, name_len(name));
        target.service = name;
    }
    json_t *views = json_array(), *json = json_object();
    for (unsigned view = 0; view < snapshot->view_count; view++) {
        reach_of(until->world.services, snapshot, until->ledger, view, &target, &one);
        json_t *item = json_pack("{s:s}", "view", snapshot->scope->view_names[view]);
        reach_sent_add(item, until, &one);
        json_array_append_new(views, item);
        reach_join(&all, &one);
    }
    if (all.instances == 0) {
        json_decref(views);
        json_decref(json);
        *refusal = site ? (struct explain_refusal){"site", "no instance is registered there",
                                                   "`horizon sites` lists them"}
                        : (struct explain_refusal){"instance", "no such instance is registered",
                                                   "`horizon instances SERVICE` lists them"};
        return ERR_INVALID;
    }
    json_object_set_new(json, "site", json_text(site));
    json_object_set_new(json, "service", json_text(service));
    json_object_set_new(json, "instance", json_text(instance));
    json_object_set_new(json, "now", wall_to_json(until->wall));
    json_object_set_new(json, "transit_s", json_integer(UNTIL_TRANSIT_S));
    json_object_set_new(json, "instances", json_integer(all.instances));
    reach_sent_add(json, until, &all);
    json_object_set_new(json, "own_until", wall_to_json(until_wall(until, all.own_until)));
    json_object_set_new(json, "views", views);
    *ret_json = json;
    return ERR_OK;
}

/* --- of a generation -----------------------------------------------------------------------------
 */

int until_generation_to_json(const struct until_world *until, const char *text, bool settled,
                             uint64_t current, json_t **ret_json, struct explain_refusal *refusal)
{
    char *end = NULL;
    uint64_t generation = strtoull(text, &end, 10);
    uint32_t second = 0;
    if (!*text || *end || generation == 0 || generation > current) {
        *refusal = (struct explain_refusal){"generation", "there is no such generation",
                                            "replies to changes name theirs"};
        return ERR_INVALID;
    }
    bool known = ledger_replaced_until(until->ledger, generation, &second);
    if (settled && !known) {
        *refusal = (struct explain_refusal){"generation", "what it replaced is forgotten",
                                            "it is long over, or the server has started since"};
        return ERR_INVALID;
    }
    json_t *json = json_object();
    json_object_set_new(json, "generation", json_integer((json_int_t)generation));
    json_object_set_new(json, "settled", json_boolean(settled));
    sent_add(json, until, known ? second : 0, 0);
    json_object_del(json, "last_sent");
    json_object_del(json, "pessimistic");
    json_object_set_new(
        json, "over", json_boolean(settled && json_real_value(json_object_get(json, "left")) <= 0));
    *ret_json = json;
    return ERR_OK;
}
