/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/drain.h"

#include "base/error.h"
#include "control/service_state.h"

#include <stdio.h>
#include <string.h>

static const char *const NAMES[DRAIN_STEP_COUNT] = {
#define X(step, name, text) [step] = name,
    DRAIN_STEP_TABLE(X)
#undef X
};

static const char *const TEXTS[DRAIN_STEP_COUNT] = {
#define X(step, name, text) [step] = text,
    DRAIN_STEP_TABLE(X)
#undef X
};

const char *drain_step_name(enum drain_step step)
{
    return NAMES[step];
}

const char *drain_step_text(enum drain_step step)
{
    return TEXTS[step];
}

enum drain_step drain_step_from_name(const char *name)
{
    unsigned step = 0;
    while (step < DRAIN_STEP_COUNT && (!name || strcmp(NAMES[step], name) != 0)) {
        step++;
    }
    return (enum drain_step)step;
}

enum {
    RESUME_S = 3 /* the way of a reply, and rounding */
};

/* --- the machine ---------------------------------------------------------------------------------
 */

static void enter(struct drain *drain, enum drain_step step, const struct drain_facts *facts)
{
    drain->step = step;
    drain->acted = false;
    drain->entered[step] = facts->wall;
    drain->problem[0] = '\0';
}

/* A wait that ends when the caches have forgotten what they know now; never earlier than what it
 * was set to before. */
static void wait_set(struct drain *drain, const struct drain_reach *reach)
{
    if (reach->until_mono.ns > drain->until_mono.ns) {
        drain->until_mono = reach->until_mono;
        drain->until = reach->until;
    }
}

static void reach_take(struct drain *drain, const struct drain_facts *facts,
                       struct drain_reach *reach)
{
    facts->reach(facts->ctx, reach);
    drain->last_sent = reach->last_sent;
    drain->pessimistic = reach->pessimistic;
    wait_set(drain, reach);
}

static enum drain_act lower(struct drain *drain, const struct drain_facts *facts)
{
    struct drain_reach reach;
    if (!drain->acted) {
        if (drain->ttl_before_s <= drain->ttl_s) { /* they are as low already */
            enter(drain, DRAIN_MOVE, facts);
            return DRAIN_ACT_NONE;
        }
        drain->acted = true;
        return DRAIN_ACT_LOWER;
    }
    if (facts->settled) {
        reach_take(drain, facts, &reach);
        enter(drain, DRAIN_WAIT_OLD, facts);
    }
    return DRAIN_ACT_NONE;
}

static enum drain_act move(struct drain *drain, const struct drain_facts *facts)
{
    struct drain_reach reach;
    if (!drain->acted) {
        snprintf(drain->problem, sizeof(drain->problem), "%s",
                 facts->refused ? facts->refused : "");
        drain->acted = !facts->refused;
        return facts->refused ? DRAIN_ACT_NONE : DRAIN_ACT_MOVE;
    }
    if (facts->settled) {
        reach_take(drain, facts, &reach);
        enter(drain, DRAIN_WAIT_NEW, facts);
    }
    return DRAIN_ACT_NONE;
}

/* The wait is over: has anybody been told anything meanwhile? */
static enum drain_act wait_new(struct drain *drain, const struct drain_facts *facts)
{
    struct drain_reach reach;
    if (facts->now.ns < drain->until_mono.ns) {
        return DRAIN_ACT_NONE;
    }
    reach_take(drain, facts, &reach);
    if (facts->now.ns >= drain->until_mono.ns) {
        enter(drain, DRAIN_VERIFY, facts);
    } else {
        snprintf(drain->problem, sizeof(drain->problem),
                 "somebody was led there again meanwhile: the wait is longer");
    }
    return DRAIN_ACT_NONE;
}

static enum drain_act verify(struct drain *drain, const struct drain_facts *facts)
{
    struct drain_reach reach;
    reach_take(drain, facts, &reach);
    if (reach.answered > 0) {
        snprintf(drain->problem, sizeof(drain->problem),
                 "%u %s still answered from there; `horizon explain` says why", reach.answered,
                 reach.answered == 1 ? "name is" : "names are");
        return DRAIN_ACT_NONE;
    }
    if (facts->now.ns < drain->until_mono.ns) {
        drain->step = DRAIN_WAIT_NEW;
        return DRAIN_ACT_NONE;
    }
    drain->compliant = drain->until.ns ? drain->until : facts->wall;
    enter(drain, facts->gate == GATE_NONE ? DRAIN_DONE : DRAIN_GATE, facts);
    return drain->step == DRAIN_DONE ? DRAIN_ACT_RESTORE : DRAIN_ACT_NONE;
}

/* Caches are done with it; connections that were made before may not be. */
static enum drain_act gate(struct drain *drain, const struct drain_facts *facts)
{
    if (facts->gate == GATE_OPEN || facts->gate == GATE_UNKNOWN) {
        snprintf(drain->problem, sizeof(drain->problem), "the gate is not closed: %.200s",
                 facts->gate_said && facts->gate_said[0] ? facts->gate_said : "nobody knows yet");
        return DRAIN_ACT_NONE;
    }
    drain->gated = facts->gate == GATE_CLOSED;
    enter(drain, DRAIN_DONE, facts);
    return DRAIN_ACT_RESTORE;
}

enum drain_act drain_advance(struct drain *drain, const struct drain_facts *facts)
{
    switch (drain->step) {
    case DRAIN_LOWER:
        return lower(drain, facts);
    case DRAIN_WAIT_OLD:
        if (facts->now.ns >= drain->until_mono.ns) {
            enter(drain, DRAIN_MOVE, facts);
        }
        return DRAIN_ACT_NONE;
    case DRAIN_MOVE:
        return move(drain, facts);
    case DRAIN_WAIT_NEW:
        return wait_new(drain, facts);
    case DRAIN_VERIFY:
        return verify(drain, facts);
    case DRAIN_GATE:
        return gate(drain, facts);
    case DRAIN_DONE:
    case DRAIN_ABORTED:
    case DRAIN_STEP_COUNT:
        break;
    }
    return DRAIN_ACT_NONE;
}

void drain_resume(struct drain *drain, struct mono now, struct wall wall)
{
    bool old_ttl = drain->step == DRAIN_LOWER || drain->step == DRAIN_WAIT_OLD;
    uint32_t ttl_s = old_ttl ? drain->ttl_before_s : drain->ttl_s;
    int64_t left = drain->until.ns - wall.ns;
    if (drain->step <= DRAIN_MOVE) { /* nobody knows any more what was told: all of it, just now */
        int64_t whole = (2 * (int64_t)ttl_s + RESUME_S) * 1000000000; /* SRV, then its target */
        left = whole > left ? whole : left;
        drain->until.ns = wall.ns + left;
    }
    drain->until_mono = (struct mono){now.ns + (left > 0 ? left : 0)};
    drain->acted = false;
}

/* --- the rest ------------------------------------------------------------------------------------
 */

static bool is_meant(const struct drain_target *target, const struct instance_entry *entry)
{
    const struct instance *instance = instance_now(entry);
    if (!instance) {
        return false;
    }
    return target->site ? instance->site && strcmp(instance->site, target->site) == 0
                        : name_equal(entry->service->name, target->service) &&
                              strcmp(entry->id, target->instance) == 0;
}

static bool has_meant(const struct drain_target *target, const struct service_entry *entry)
{
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        if (is_meant(target, entry->instances[i])) {
            return true;
        }
    }
    return false;
}

/* What would be chosen without the targets: false when that is nothing that works, or not at `to`.
 */
static bool rest_carries(const struct services *services, const struct service_entry *entry,
                         unsigned view, const struct drain_target *targets, unsigned count,
                         const char *to, struct candidate *candidates,
                         const struct instance_entry **entries)
{
    const struct service *service = service_now(entry);
    const struct desired *desired = services->control->desired;
    struct choice choice;
    bool here = false, chosen_there = true;
    uint32_t there =
        service_candidates(services, desired, entry, service, view, NULL, candidates, entries);
    sites_apply(services, desired, entry, view, candidates, entries, there);
    for (uint32_t i = 0; i < there; i++) {
        here = here || is_meant(&targets[0], entries[i]);
        for (unsigned k = 0; k < count; k++) {
            candidates[i].site_out = candidates[i].site_out || is_meant(&targets[k], entries[i]);
        }
        if (candidates[i].site_out && candidates[i].override == 1 + OVERRIDE_UP) {
            candidates[i].override = 0; /* the drain is the newer word */
        }
    }
    if (!here) {
        return true;
    }
    choose(service, candidates, there, &choice);
    for (uint32_t i = 0; i < there; i++) {
        const char *site = instance_now(entries[i])->site;
        chosen_there =
            chosen_there && (!candidates[i].chosen || !to || (site && strcmp(site, to) == 0));
    }
    return choice.kind == CHOICE_WORKING && chosen_there;
}

int drain_judge(const struct services *services, const struct drain_target *targets, unsigned count,
                const char *to, uint32_t *ret_services, uint32_t *ret_ttl_s,
                struct refusal *refusal)
{
    const struct desired *desired = services->control->desired;
    uint32_t found = 0, stuck = 0, longest = 0;
    char first[NAME_TEXT_MAX] = "", view_name[LIMIT_LABEL_BYTES + 1] = "";
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        if (!service_now(at) || !service_run(at) || !has_meant(&targets[0], at)) {
            continue;
        }
        struct candidate *candidates =
            mem_new(services->alloc, at->instance_count * sizeof(*candidates));
        const struct instance_entry **entries =
            mem_new(services->alloc, at->instance_count * sizeof(void *));
        bool carries = candidates && entries;
        unsigned view = 0;
        for (; carries && view < desired->view_count; view++) {
            carries = rest_carries(services, at, view, targets, count, to, candidates, entries);
        }
        mem_free(services->alloc, candidates);
        mem_free(services->alloc, entries);
        found++;
        longest = service_now(at)->ttl_s > longest ? service_now(at)->ttl_s : longest;
        if (!carries && stuck++ == 0) {
            name_to_text(at->name, first);
            snprintf(view_name, sizeof(view_name), "%s", view ? desired->views[view - 1].name : "");
        }
    }
    if (found == 0) {
        refusal_fill(refusal, targets[0].site ? "site" : "instance",
                     "`horizon sites` and `horizon instances` show what there is",
                     "nothing is registered there");
        return ERR_NOT_FOUND;
    }
    if (stuck > 0) {
        refusal_fill(refusal, targets[0].site ? "site" : "instance",
                     "register or mend instances elsewhere first, or drain what can be drained",
                     "%u of %u %s would have nothing that works%s%.60s; the first is %.120s "
                     "(view %.40s)",
                     stuck, found, found == 1 ? "service" : "services", to ? " at " : "",
                     to ? to : "", first, view_name);
        return ERR_REFUSED;
    }
    *ret_services = found;
    *ret_ttl_s = longest;
    return ERR_OK;
}

void drain_ttl_cap(struct services *services, const struct drain_target *target, uint32_t ttl_s)
{
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        struct service_run *run = service_run(at);
        bool lower = run && (ttl_s == 0 || run->ttl_cap_s == 0 || ttl_s < run->ttl_cap_s);
        if (lower && service_now(at) && run->ttl_cap_s != ttl_s && has_meant(target, at)) {
            run->ttl_cap_s = ttl_s;
            service_mark(services, at, true);
        }
    }
}
