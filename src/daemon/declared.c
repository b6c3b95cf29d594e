/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/declared.h"

#include "base/error.h"
#include "base/limits.h"
#include "daemon/log.h"
#include "failover/guard.h"
#include "io/clock.h"

#include <string.h>

static void config_fault(struct place place, const struct refusal *refusal)
{
    struct diag_list diags;
    diag_init(&diags, &ALLOC_MALLOC);
    diag_add(&diags, SEVERITY_ERROR, place, refusal->mend[0] ? refusal->mend : NULL, "%s",
             refusal->reason);
    log_diags(&diags);
    diag_deinit(&diags);
}

static int config_judge(struct services *services, size_t mark, int err, struct place place,
                        struct refusal *refusal)
{
    struct registry *registry = services_registry(services);
    err = err == ERR_OK ? services_judge(services, mark, refusal) : err;
    if (err != ERR_OK) {
        registry_undo(registry, mark);
    }
    if (err != ERR_OK && err != ERR_NOMEM) {
        config_fault(place, refusal);
        return ERR_OK;
    }
    return err;
}

static int config_prune(struct registry *registry, uint32_t mark)
{
    struct refusal refusal;
    int err = ERR_OK;
    for (struct service_entry *at = registry_first(registry); at && err == ERR_OK;
         at = registry_after(registry, at)) {
        const struct service *service = service_now(at);
        for (uint32_t i = 0; i < at->instance_count && err == ERR_OK; i++) {
            const struct instance *instance = instance_now(at->instances[i]);
            if (instance && strcmp(instance->owner, OWNER_CONFIG) == 0 &&
                at->instances[i]->object.mark != mark) {
                err = registry_drop_instance(registry, at->name, instance->id, OWNER_CONFIG,
                                             REVISION_ANY, &refusal);
            }
        }
        if (err == ERR_OK && service && strcmp(service->owner, OWNER_CONFIG) == 0 &&
            at->object.mark != mark) {
            int dropped =
                registry_drop_service(registry, at->name, OWNER_CONFIG, REVISION_ANY, &refusal);
            if (dropped == ERR_REFUSED) {
                config_fault(service->place, &refusal); /* others' instances stay */
            } else {
                err = dropped;
            }
        }
    }
    return err;
}

static int config_stage(struct asked *asked, struct registry *registry, struct refusal *refusal)
{
    struct declared *declared = (struct declared *)asked;
    const struct config *config = declared->state->epoch->config;
    struct services *services = discovery_services(declared->state->discovery);
    uint32_t sweep = ++declared->sweep;
    int err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < config->service_count; i++) {
        size_t mark = registry_staged(registry);
        bool same;
        err = registry_put_service(registry, &config->services[i], REVISION_ANY, &same, refusal);
        err = config_judge(services, mark, err, config->services[i].place, refusal);
        struct service_entry *entry = registry_service(registry, config->services[i].name);
        if (entry) {
            entry->object.mark = sweep;
        }
    }
    for (const struct instance_link *at = config->instances; err == ERR_OK && at; at = at->next) {
        size_t mark = registry_staged(registry);
        bool same;
        err = registry_put_instance(registry, &at->instance, REVISION_ANY, &same, refusal);
        err = config_judge(services, mark, err, at->instance.place, refusal);
        struct instance_entry *entry =
            registry_instance(registry, at->instance.service, at->instance.id);
        if (entry) {
            entry->object.mark = sweep;
        }
    }
    return err == ERR_OK ? config_prune(registry, sweep) : err;
}

static void config_told(struct asked *asked, int err, const struct refusal *refusal,
                        uint64_t revision)
{
    (void)revision;
    if (err != ERR_OK) {
        log_error("services of the configuration: %s; they stay as they were",
                  refusal->reason[0] ? refusal->reason : error_text(err));
    }
    ((struct declared *)asked)->waiting = false;
}

static void brake_bring(struct services *services, const struct config *config)
{
    const struct brake_policy policy = {.share_percent = (uint8_t)config->storm_share_percent,
                                        .window_ms = config->storm_window_ms,
                                        .hold_ms = config->storm_hold_ms};
    struct reference_target targets[LIMIT_REFERENCES];
    uint32_t count = config->reference_count < LIMIT_REFERENCES ? config->reference_count
                                                                : (uint32_t)LIMIT_REFERENCES;
    for (uint32_t i = 0; i < count; i++) {
        targets[i] =
            (struct reference_target){config->references[i].address, config->references[i].port};
    }
    services_brake_set(services, &policy, targets, count, clock_mono());
    const struct budget_policy budget = {.share_percent = (uint8_t)config->budget_share_percent,
                                         .least = config->budget_least,
                                         .window_ms = config->budget_window_ms};
    services_budget_set(services, &budget);
}

int declared_ask(struct declared *declared, struct state *state)
{
    const struct config *config = state->epoch->config;
    struct services *services = discovery_services(state->discovery);
    services_targets_set(services, config->check_targets, config->check_target_count);
    discovery_check_rate(state->discovery, config->check_rate);
    brake_bring(services, config);
    if (services_sites_set(services, config->desired.sites, config->desired.site_count,
                           clock_mono()) != ERR_OK) {
        log_error("no memory for the checks of sites: they stay as they were");
    }
    if (declared->waiting) {
        return ERR_OK; /* it will see the configuration of then */
    }
    declared->waiting = true;
    declared->state = state;
    declared->asked =
        (struct asked){.stage = config_stage, .told = config_told, .owner = OWNER_CONFIG};
    int err = discovery_ask(state->discovery, &declared->asked);
    declared->waiting = declared->waiting && err == ERR_OK;
    return err;
}
