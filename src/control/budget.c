/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The blast radius: how much may leave the answers without a person looking first.
 *
 *   deregistrations of one owner, less what it registers    beyond its share: refused
 *   services that fail over from one site                   beyond the share the site takes the one
 *                                                           unit of the window; from a second such
 *                                                           site they are held as they were
 *
 * What is held stays so until the site works again or a person accepts; no passage of time applies
 * it, and its alarm is raised again.
 */
#include "control/service_state.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

void budgets_init(struct services *services)
{
    services->budgets.policy = budget_policy_default();
    services->budgets.timer.kind = TIMER_BUDGET;
}

void services_budget_set(struct services *services, const struct budget_policy *policy)
{
    services->budgets.policy = *policy;
}

/* The entry of a name; a new one takes the place of the one whose window began first. */
static struct budget_entry *entry_of(struct budget_entry *entries, unsigned *count,
                                     const char *name)
{
    struct budget_entry *oldest = &entries[0];
    for (unsigned i = 0; i < *count; i++) {
        if (strcmp(entries[i].name, name) == 0) {
            return &entries[i];
        }
        oldest = entries[i].use.began.ns < oldest->use.began.ns ? &entries[i] : oldest;
    }
    struct budget_entry *entry = *count < LIMIT_BUDGETS ? &entries[(*count)++] : oldest;
    *entry = (struct budget_entry){.use = {.began = {INT64_MIN / 2}}};
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    return entry;
}

static struct budget_entry *owner_of(struct services *services, const char *owner)
{
    struct budgets *budgets = &services->budgets;
    struct budget_entry *entry = entry_of(budgets->owners, &budgets->owner_count, owner);
    budget_step(&budgets->policy, &entry->use, services->now);
    return entry;
}

static struct budget_entry *site_of(struct services *services, const char *site)
{
    struct budgets *budgets = &services->budgets;
    struct budget_entry *entry = entry_of(budgets->sites, &budgets->site_count, site);
    budget_step(&budgets->policy, &entry->use, services->now);
    return entry;
}

/* --- writers -------------------------------------------------------------------------------------
 */

void budget_note(struct services *services, const char *owner, bool came)
{
    if (!services->starting && strcmp(owner, OWNER_CONFIG) != 0) {
        struct budget_use *use = &owner_of(services, owner)->use;
        use->left += came ? -(use->left > 0) : 1; /* what came before is no credit */
    }
}

static uint64_t owned_by(const struct services *services, const char *owner)
{
    uint64_t count = 0;
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        for (uint32_t i = 0; i < at->instance_count; i++) {
            const struct instance *instance = instance_now(at->instances[i]);
            count += instance && strcmp(instance->owner, owner) == 0;
        }
    }
    return count;
}

/* More than went than come, of what is staged, of the owner of the first one that goes. */
static int64_t staged_leaving(const struct services *services, size_t mark, const char **ret_owner)
{
    int64_t leaving = 0;
    *ret_owner = NULL;
    for (size_t i = mark; i < registry_staged(services->registry); i++) {
        const struct object *object = registry_staged_at(services->registry, i);
        const struct instance *now = object->now, *next = object->next;
        if (object->kind != OBJECT_INSTANCE || (now && next)) {
            continue;
        }
        if (now && (!*ret_owner || strcmp(*ret_owner, now->owner) == 0)) {
            *ret_owner = now->owner;
            leaving++;
        } else if (next && *ret_owner && strcmp(*ret_owner, next->owner) == 0) {
            leaving--;
        }
    }
    return leaving;
}

int budget_judge(struct services *services, size_t mark, struct refusal *refusal)
{
    const struct budget_policy *policy = &services->budgets.policy;
    const char *owner;
    int64_t leaving = staged_leaving(services, mark, &owner);
    if (leaving <= 0 || strcmp(owner, OWNER_CONFIG) == 0) {
        return ERR_OK;
    }
    const char *first = owner;
    int64_t all = staged_leaving(services, 0, &first); /* others of the same batch, too */
    all = first && strcmp(first, owner) == 0 ? all : 0;
    const struct budget_entry *entry = owner_of(services, owner);
    int64_t left = entry->use.left > 0 ? entry->use.left : 0;
    leaving = all > leaving ? all : leaving;
    if (left + leaving <= (int64_t)policy->least || entry->accepted_until.ns > services->now.ns) {
        return ERR_OK;
    }
    uint64_t total = owned_by(services, owner) + (uint64_t)left;
    if (budget_allows(policy, &entry->use, leaving, total)) {
        return ERR_OK;
    }
    refusal_fill(refusal, "", "when it is meant: horizon accept OWNER, then ask again",
                 "blast radius: %lld of the %llu instances of %.80s would be gone within %u s; "
                 "without a person it is %u %%",
                 (long long)left + leaving, (unsigned long long)total, owner,
                 policy->window_ms / 1000, policy->share_percent);
    return ERR_REFUSED;
}

/* --- sites ---------------------------------------------------------------------------------------
 */

/* Is the window's one unit this site's, or free for it? */
static bool unit_take(struct services *services, const char *site)
{
    struct budgets *budgets = &services->budgets;
    bool over = budgets->unit[0] == '\0' || mono_since(services->now, budgets->unit_began).ns >
                                                duration_from_ms(budgets->policy.window_ms).ns;
    if (over) {
        snprintf(budgets->unit, sizeof(budgets->unit), "%s", site);
        budgets->unit_began = services->now;
    }
    return strcmp(budgets->unit, site) == 0;
}

bool budget_failover(struct services *services, const char *site)
{
    const struct budget_policy *policy = &services->budgets.policy;
    struct budget_entry *entry = site_of(services, site);
    bool allowed =
        entry->accepted_until.ns > services->now.ns ||
        budget_allows(policy, &entry->use, 1, registry_service_count(services->registry)) ||
        unit_take(services, site);
    entry->use.left += allowed;
    return allowed;
}

void budget_held(struct services *services, const char *site, bool held)
{
    struct budgets *budgets = &services->budgets;
    budgets->held += held ? 1 : -1U;
    if (held && budgets->held == 1) {
        services->events->held(services->events->ctx, site);
        timer_set(&services->timers, &budgets->timer,
                  mono_add(services->now, duration_from_ms(budgets->policy.window_ms)));
    }
}

/* The alarm again, while anything is held. */
void budget_due(struct services *services)
{
    struct budgets *budgets = &services->budgets;
    if (budgets->held > 0) {
        services->events->held(services->events->ctx, NULL);
        timer_set(&services->timers, &budgets->timer,
                  mono_add(services->now, duration_from_ms(budgets->policy.window_ms)));
    }
}

/* --- a person ------------------------------------------------------------------------------------
 */

void services_accept(struct services *services, const char *owner, const char *site,
                     struct mono now)
{
    struct mono until = mono_add(now, duration_from_ms(services->budgets.policy.window_ms));
    services->now = now;
    if (owner) {
        owner_of(services, owner)->accepted_until = until;
    }
    if (!site) {
        return;
    }
    site_of(services, site)->accepted_until = until;
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        if (service_run(at) && service_run(at)->sites) {
            service_mark(services, at, false);
        }
    }
}
