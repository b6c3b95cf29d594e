/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/plan.h"
#include "api/zones.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/print.h"
#include "dns/message.h"

#include <grp.h>
#include <inttypes.h>
#include <pwd.h>

enum {
    FAILOVER_TTL_S = 60, /* beyond this a failover is slow */
    SOA_FIXED_BYTES = 20,
};

static json_t *offline_zones(const struct offline *offline)
{
    struct explain_world world = offline_world(offline);
    return zones_to_json(world.control, world.desired);
}

/* A user or group that serve could not become. */
static void check_identity(struct offline *offline)
{
    const struct config *config = offline_config(offline);
    if (!config) {
        return;
    }
    struct place place = {.file = config->file};
    if (config->user && !getpwnam(config->user)) {
        diag_add(offline_findings(offline), SEVERITY_ERROR, place,
                 "add it ('useradd --system NAME'), or choose another with server.user",
                 "there is no user '%s'", config->user);
    }
    if (config->group && !getgrnam(config->group)) {
        diag_add(offline_findings(offline), SEVERITY_ERROR, place,
                 "choose another with server.group", "there is no group '%s'", config->group);
    }
}

/* Failovers that cannot be as fast as they must be, and TTLs that make them slow. */
static void check_failovers(struct offline *offline)
{
    const struct config *config = offline_config(offline);
    struct diag_list *findings = offline_findings(offline);
    struct plan_world world = config ? plan_world_of_config(config) : (struct plan_world){0};
    for (uint32_t i = 0; config && i < config->service_count; i++) {
        const struct service *service = &config->services[i];
        char name[NAME_TEXT_MAX], mend[PLAN_CHECK_BYTES], why[PLAN_CHECK_BYTES];
        struct plan plan;
        name_to_text(service->name, name);
        if (plan_of_config(config, service, &world, &plan, NULL) != ERR_OK) {
            continue;
        }
        if (!plan.met && !plan.check) {
            diag_add(findings, SEVERITY_ERROR, service->place, plan_mend_words(&plan, mend),
                     "%s: the budget of %u s cannot be met: %s", name, plan.budget_ms / 1000,
                     plan_check_words(&plan, why));
        } else if (!plan.met) {
            diag_add(findings, SEVERITY_ERROR, service->place, plan_mend_words(&plan, mend),
                     "%s: a failover takes up to %.1f s, and the budget is %u s", name,
                     (double)plan.worst_ms / 1000.0, plan.budget_ms / 1000);
        } else if (service->site_count > 1 && service->ttl_s > FAILOVER_TTL_S) {
            diag_add(findings, SEVERITY_WARNING, service->place,
                     "60s or less is usual where a failover must be fast",
                     "%s fails over between sites, and caches hold its answers for %u s", name,
                     service->ttl_s);
        }
    }
}

/* How long a denial in the zone lives (RFC 2308 5). */
static uint32_t negative_ttl(const struct slab *slab, const struct zone_view *zone)
{
    const struct node *apex = zone_view_apex(slab, zone);
    const struct rrset *soa = apex ? node_find(apex, TYPE_SOA) : NULL;
    const uint8_t *at = soa ? rrset_data(apex, soa) : NULL;
    uint16_t len = 0;
    const uint8_t *rdata = soa ? rdata_next(soa, &at, &len) : NULL;
    uint32_t minimum = rdata && len >= SOA_FIXED_BYTES ? wire_read32(rdata + len - 4) : 0;
    return soa && soa->ttl < minimum ? soa->ttl : minimum;
}

/* Zones with services, whose denials outlive the registration of a name that was asked for. */
static void check_denials(struct offline *offline)
{
    const struct config *config = offline_config(offline);
    const struct snapshot *snapshot = config ? offline_world(offline).snapshot : NULL;
    uint32_t told = UINT32_MAX; /* the zone that was spoken of last */
    for (uint32_t i = 0; snapshot && i < config->service_count; i++) {
        const struct service *service = &config->services[i];
        struct qp_space space;
        struct qp_name name;
        qp_name_init(&name, &space, service->name, name_len(service->name) - 1);
        ref_t ref = qp_find_longest(snapshot->slab, snapshot->views[0], &name, false);
        const struct zone_view *zone = ref ? zone_view_at(snapshot->slab, ref) : NULL;
        if (!zone || zone->zone == told || service->over_zone ||
            !(zone->head.flags & ZONE_VIEW_LOADED) || zone->head.flags & ZONE_VIEW_REGISTRY ||
            config->desired.zones[zone->zone].registry_below_count > 0) {
            continue;
        }
        uint32_t ttl_s = negative_ttl(snapshot->slab, zone);
        if (ttl_s > FAILOVER_TTL_S) {
            char origin[NAME_TEXT_MAX];
            told = zone->zone;
            diag_add(offline_findings(offline), SEVERITY_WARNING, config->desired.zones[told].place,
                     "say `registry: true` of the zone, or lower the last number of its SOA",
                     "%s has services, and a name that was asked for before it is registered is "
                     "denied by caches for %u s",
                     name_to_text(zone->origin, origin), ttl_s);
        }
    }
}

static json_t *check_json(struct offline *offline, bool good)
{
    const struct diag_list *findings = offline_findings(offline);
    bool whole = offline_config(offline) != NULL;
    return json_pack("{s:b, s:I, s:I, s:o, s:o}", "ok", (int)good, "errors",
                     (json_int_t)findings->errors, "warnings", (json_int_t)findings->warnings,
                     "findings", diags_to_json(findings), "zones",
                     whole ? offline_zones(offline) : json_array());
}

static void check_show(struct offline *offline)
{
    const struct diag_list *findings = offline_findings(offline);
    const struct config *config = offline_config(offline);
    fflush(stdout);
    print_diags(stderr, findings);
    if (config) {
        uint32_t zones = config->desired.zone_count, views = config->desired.view_count;
        printf("%" PRIu32 " %s, %" PRIu32 " %s: ", zones, print_plural(zones, "zone", "zones"),
               views, print_plural(views, "view", "views"));
    }
    printf("%" PRIu32 " %s, %" PRIu32 " %s\n", findings->errors,
           print_plural(findings->errors, "error", "errors"), findings->warnings,
           print_plural(findings->warnings, "warning", "warnings"));
}

int run_check(const struct call *call)
{
    const char *file = call_argument(call, 0);
    const char *named = call_option(call, OPT_CONFIG);
    if (file && named) {
        return print_usage(call->command, "the configuration is named twice");
    }
    struct offline *offline = NULL;
    int status = offline_check(call, file ? file : named, &offline);
    if (status != EXIT_DONE) {
        return status;
    }
    check_identity(offline);
    check_failovers(offline);
    check_denials(offline);
    status = offline_status(offline);
    if (call_has(call, OPT_JSON)) {
        print_json(check_json(offline, status == EXIT_DONE));
    } else {
        check_show(offline);
    }
    offline_free(offline);
    return status;
}
