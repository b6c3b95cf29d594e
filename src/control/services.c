/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/service_state.h"

#include "base/assert.h"
#include "base/error.h"

#include <stddef.h>
#include <string.h>

enum {
    RAMP_STEPS = 10,
};

/* --- life ----------------------------------------------------------------------------------------
 */

int services_new(struct control *control, const struct probe_port *probes,
                 const struct services_events *events, struct services **ret)
{
    struct services *services = mem_new_zero(control->alloc, 1, sizeof(*services));
    if (!services) {
        return ERR_NOMEM;
    }
    services->control = control;
    services->alloc = control->alloc;
    services->probes = probes;
    services->events = events;
    timers_init(&services->timers, control->alloc);
    services->override_timer.kind = TIMER_OVERRIDES;
    services->storm.timer.kind = TIMER_BRAKE;
    services->storm.policy = brake_policy_default();
    services->timer_total = 3;
    service_room_init(services);
    budgets_init(services);
    int err = registry_new(control->alloc, &services->registry);
    err = err == ERR_OK ? timers_reserve(&services->timers, services->timer_total) : err;
    if (err != ERR_OK) {
        registry_free(services->registry);
        mem_free(control->alloc, services);
        return err;
    }
    control->services = services;
    *ret = services;
    return ERR_OK;
}

static void instance_run_drop(struct services *services, struct instance_entry *entry)
{
    struct instance_run *run = instance_run(entry);
    if (!run) {
        return;
    }
    storm_forget(services, run);
    instance_checks_drop(services, run);
    timer_stop(&services->timers, &run->lease);
    timer_stop(&services->timers, &run->ramp);
    services->timer_total -= 2;
    mem_free(services->alloc, run);
    entry->attached = NULL;
}

static void service_run_drop(struct services *services, struct service_entry *entry)
{
    struct service_run *run = service_run(entry);
    if (run) {
        timer_stop(&services->timers, &run->left);
        timer_stop(&services->timers, &run->failback);
        sites_forget(services, run);
        services->timer_total -= 2;
        mem_free(services->alloc, run);
        entry->attached = NULL;
    }
}

void services_free(struct services *services)
{
    if (!services) {
        return;
    }
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        for (uint32_t i = 0; i < at->instance_count; i++) {
            instance_run_drop(services, at->instances[i]);
        }
        service_run_drop(services, at);
    }
    lingers_free(services);
    for (unsigned i = 0; i < services->view_count; i++) {
        mem_free(services->alloc, services->view_names[i]);
    }
    while (services->stale) {
        struct stale *stale = services->stale;
        services->stale = stale->next;
        mem_free(services->alloc, stale);
    }
    storm_free(services);
    sites_free(services);
    service_room_free(services);
    reverses_free(services);
    probes_free(services);
    timers_deinit(&services->timers);
    registry_free(services->registry);
    services->control->services = NULL;
    mem_free(services->alloc, services);
}

bool services_have_names(const struct services *services)
{
    return services && (registry_service_count(services->registry) > 0 || services->lingers);
}

struct registry *services_registry(const struct services *services)
{
    return services->registry;
}

/* Without memory they stay away, and the verdict as it is. */
static void checks_again(struct services *services, struct instance_run *run)
{
    if (instance_checks_make(services, run) != ERR_OK) {
        instance_checks_drop(services, run);
        run->unchecked = true;
    }
    instance_judge(services, run, "its checks are others now");
}

void services_targets_set(struct services *services, const struct prefix *targets, uint32_t count)
{
    services->targets = targets;
    services->target_count = count;
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        for (uint32_t i = 0; i < at->instance_count; i++) {
            struct instance_run *run = instance_run(at->instances[i]);
            if (run && instance_now(at->instances[i]) && instance_checks_aim(run)) {
                checks_again(services, run);
            }
        }
    }
}

void services_lost(struct services *services)
{
    services->lost = true;
}

void services_starting(struct services *services, bool starting)
{
    services->starting = starting;
}

/* --- taking effect -------------------------------------------------------------------------------
 */

void service_mark(struct services *services, struct service_entry *entry, bool names)
{
    struct service_run *run = service_run(entry);
    if (!run) {
        return;
    }
    run->names_dirty = run->names_dirty || names;
    if (!run->dirty) {
        run->dirty = true;
        run->next_dirty = services->dirty;
        services->dirty = run;
    }
}

/* Without memory the name keeps its last answer until the next change of its service. */
void stale_add(void *ctx, const uint8_t *name)
{
    struct services *services = ctx;
    size_t len = name_len(name);
    struct stale *stale = mem_new(services->alloc, sizeof(*stale) + len);
    if (stale) {
        memcpy(stale->name, name, len);
        stale->next = services->stale;
        services->stale = stale;
    }
}

static void service_gone(struct services *services, struct service_entry *entry,
                         const struct service *before)
{
    struct service_run *run = service_run(entry);
    service_names_each(before, entry, stale_add, services);
    if (before->over_zone) {
        stale_add(services, before->name);
    }
    if (!run) {
        return;
    }
    sites_end(services, run);
    if (!before->over_zone) { /* else the zone has the name again */
        linger_add(services, entry->name, run->views);
    }
    for (struct service_run **link = &services->dirty; *link; link = &(*link)->next_dirty) {
        if (*link == run) {
            *link = run->next_dirty;
            break;
        }
    }
    service_run_drop(services, entry);
}

/* When the instance goes, now that its lease has run out. */
static void removal_arm(struct services *services, struct instance_run *run)
{
    const struct service *service = service_now(run->entry->service);
    if (service && service->critical_remove_ms) {
        timer_set(&services->timers, &run->lease,
                  mono_add(services->now, duration_from_ms(service->critical_remove_ms)));
    } else {
        timer_stop(&services->timers, &run->lease);
    }
}

static void service_changed(struct services *services, struct service_entry *entry,
                            const struct service *before)
{
    if (before) {
        service_names_each(before, entry, stale_add, services); /* what stays is put again */
        if (before->over_zone) {
            stale_add(services, before->name);
        }
    }
    if (!service_run(entry)) {
        struct service_run *run = mem_new_zero(services->alloc, 1, sizeof(*run));
        if (!run || timers_reserve(&services->timers, services->timer_total + 2) != ERR_OK) {
            mem_free(services->alloc, run);
            return; /* it is registered, and answered once it is changed again */
        }
        services->timer_total += 2;
        run->left.kind = TIMER_VIEWS;
        run->failback.kind = TIMER_FAILBACK;
        run->entry = entry;
        run->kind = run->told = CHOICE_NONE;
        entry->attached = run;
    }
    linger_end(services, entry->name);
    for (uint32_t i = 0; i < entry->instance_count; i++) {
        struct instance_run *run = instance_run(entry->instances[i]);
        if (run && instance_now(entry->instances[i]) &&
            instance_checks_make(services, run) != ERR_OK) {
            instance_checks_drop(services, run);
            run->unchecked = true;
        }
        if (run && run->lease_expired) {
            removal_arm(services, run);
        }
    }
    service_mark(services, entry, true);
}

/* Does the pattern match the name? The name's text is made with the first pattern that needs it. */
static bool name_matches(const uint8_t *name, const char *pattern, char text[NAME_TEXT_MAX])
{
    if (strcmp(pattern, "*") == 0) {
        return true;
    }
    if (!text[0]) {
        name_to_text(name, text);
        text[strlen(text) - 1] = '\0';
    }
    return glob_match(pattern, text);
}

static const struct override *override_of(const struct services *services,
                                          const struct instance_entry *entry)
{
    const struct override *found = NULL;
    const struct instance *instance = instance_now(entry);
    char text[NAME_TEXT_MAX];
    text[0] = '\0';
    for (uint32_t i = 0; instance && i < registry_override_count(services->registry); i++) {
        const struct override *at = override_now(registry_override_at(services->registry, i));
        bool here = at && (!at->site || (instance->site && strcmp(at->site, instance->site) == 0));
        if (here && at->expires_at.ns > services->wall.ns &&
            (!found || at->revision > found->revision) && glob_match(at->instance, entry->id) &&
            name_matches(entry->service->name, at->name, text)) {
            found = at; /* the newest counts */
        }
    }
    return found;
}

static struct instance_run *instance_run_new(struct services *services,
                                             struct instance_entry *entry)
{
    struct instance_run *run = mem_new_zero(services->alloc, 1, sizeof(*run));
    if (!run || timers_reserve(&services->timers, services->timer_total + 2) != ERR_OK) {
        mem_free(services->alloc, run);
        return NULL;
    }
    services->timer_total += 2;
    run->entry = entry;
    run->lease.kind = TIMER_LEASE;
    run->ramp.kind = TIMER_RAMP;
    run->since = services->now;
    run->verdict = VERDICT_UNKNOWN;
    entry->attached = run;
    return run;
}

/* The same addresses for the same views? */
static bool shown_same(const struct instance *a, const struct instance *b)
{
    bool same = a->address_count == b->address_count;
    for (unsigned i = 0; same && i < a->address_count; i++) {
        const char *view = a->addresses[i].view, *other = b->addresses[i].view;
        same = memcmp(&a->addresses[i].address, &b->addresses[i].address,
                      sizeof(a->addresses[i].address)) == 0 &&
               (view == other || (view && other && strcmp(view, other) == 0));
    }
    return same;
}

static void instance_changed(struct services *services, struct instance_entry *entry,
                             const struct instance *before)
{
    const struct instance *instance = instance_now(entry);
    struct instance_run *run = instance_run(entry);
    const struct service *service = service_now(entry->service);
    if (run) {
        reverses_instance(services, run, before, NULL);
    }
    if (service && before && !(instance && shown_same(before, instance))) {
        /* In a view that it has left, its name goes; elsewhere it is put again. */
        uint8_t name[NAME_MAX];
        instance_name(service, entry->id, name);
        stale_add(services, name);
        if (service->over_zone) {
            stale_add(services, service->name); /* what is not ours any more is the zone's */
        }
    }
    if (!instance) {
        instance_run_drop(services, entry);
        if (service) {
            service_mark(services, entry->service, false);
        }
        return;
    }
    run = run ? run : instance_run_new(services, entry);
    if (!run) {
        return; /* registered, and looked at once it is changed again */
    }
    reverses_instance(services, run, NULL, instance);
    run->override = override_of(services, entry);
    if (instance_checks_make(services, run) != ERR_OK) {
        instance_checks_drop(services, run);
        run->unchecked = true;
    }
    bool was_expired = run->lease_expired;
    run->lease_expired = false;
    if (instance->lease_ms) {
        run->lease_until = mono_add(services->now, duration_from_ms(instance->lease_ms));
        timer_set(&services->timers, &run->lease, run->lease_until);
    } else {
        timer_stop(&services->timers, &run->lease);
    }
    instance_judge(services, run, run->check_count ? "" : "registered, and without checks");
    if (was_expired) {
        services->events->lease(services->events->ctx, run->entry, false);
    }
    service_mark(services, entry->service, true);
}

/* Which override each instance has, anew; and when the next one expires. */
static void overrides_apply(struct services *services)
{
    struct mono next = {INT64_MAX};
    for (uint32_t i = 0; i < registry_override_count(services->registry); i++) {
        const struct override *at = override_now(registry_override_at(services->registry, i));
        int64_t left = at ? at->expires_at.ns - services->wall.ns : -1;
        if (left > 0 && services->now.ns + left < next.ns) {
            next.ns = services->now.ns + left;
        }
    }
    if (next.ns < INT64_MAX) {
        timer_set(&services->timers, &services->override_timer, next);
    } else {
        timer_stop(&services->timers, &services->override_timer);
    }
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        for (uint32_t i = 0; i < at->instance_count; i++) {
            struct instance_run *run = instance_run(at->instances[i]);
            const struct override *override = run ? override_of(services, run->entry) : NULL;
            if (run && override != run->override) {
                run->override = override;
                service_mark(services, at, false);
            }
        }
    }
}

struct committing {
    struct services *services;
    bool overrides;
};

static void object_committed(void *ctx, struct object *object, const void *before)
{
    struct committing *committing = ctx;
    struct services *services = committing->services;
    if (object->kind == OBJECT_OVERRIDE) {
        committing->overrides = true;
        /* The old one goes now: nobody may point to it. */
        for (struct service_entry *at = before ? registry_first(services->registry) : NULL; at;
             at = registry_after(services->registry, at)) {
            for (uint32_t i = 0; i < at->instance_count; i++) {
                struct instance_run *run = instance_run(at->instances[i]);
                if (run && run->override == before) {
                    run->override = NULL;
                    service_mark(services, at, false);
                }
            }
        }
    } else if (object->kind == OBJECT_INSTANCE) {
        const struct instance *instance = object->now, *was = before;
        if (!instance != !was) {
            budget_note(services, instance ? instance->owner : was->owner, instance != NULL);
        }
        instance_changed(services, (struct instance_entry *)object, before);
    } else if (object->now) {
        service_changed(services, (struct service_entry *)object, before);
    } else if (before) {
        service_gone(services, (struct service_entry *)object, before);
    }
}

void services_commit(struct services *services, struct mono now, struct wall wall)
{
    struct committing committing = {.services = services};
    services->now = now;
    services->wall = wall;
    registry_commit(services->registry, object_committed, &committing);
    services->aliases_due = true;
    if (committing.overrides) {
        overrides_apply(services);
    }
}

static struct instance_run *restored(struct services *services, const uint8_t *name, const char *id,
                                     struct mono now)
{
    struct instance_entry *entry = registry_instance(services->registry, name, id);
    services->now = now;
    return entry && instance_now(entry) ? instance_run(entry) : NULL;
}

void services_restore(struct services *services, const uint8_t *name, const char *id,
                      enum verdict verdict, struct mono now)
{
    struct instance_run *run = restored(services, name, id, now);
    if (!run || verdict >= VERDICT_COUNT || run->check_count == 0) {
        return;
    }
    for (unsigned i = 0; i < run->check_count; i++) {
        if (run->checks[i].health.seen == VERDICT_UNKNOWN) {
            health_init(&run->checks[i].health, verdict, now);
        }
    }
    run->verdict = verdict;
    run->proven = verdict != VERDICT_UNKNOWN;
    storm_count(services, run);
    service_mark(services, run->entry->service, false);
}

void services_restore_expired(struct services *services, const uint8_t *name, const char *id,
                              struct mono now)
{
    struct instance_run *run = restored(services, name, id, now);
    if (!run || !instance_now(run->entry)->lease_ms) {
        return;
    }
    services_restore(services, name, id, VERDICT_CRITICAL, now);
    run->lease_expired = true;
    run->proven = true;
    instance_judge(services, run, "its lease had run out before the start");
    removal_arm(services, run);
}

/* --- time ----------------------------------------------------------------------------------------
 */

uint16_t instance_ramp(const struct instance_run *run, struct mono now)
{
    const struct service *service = service_now(run->entry->service);
    if (!run->ramping || !service || !service->slow_start_ms) {
        return 1000;
    }
    int64_t total = duration_from_ms(service->slow_start_ms).ns;
    int64_t passed = mono_since(now, run->recovered_at).ns;
    int64_t step = passed * RAMP_STEPS / total + 1; /* the first tenth at once */
    return step >= RAMP_STEPS ? 1000 : (uint16_t)(step * 1000 / RAMP_STEPS);
}

static void ramp_due(struct services *services, struct instance_run *run)
{
    const struct service *service = service_now(run->entry->service);
    if (instance_ramp(run, services->now) == 1000) {
        run->ramping = false;
    } else {
        timer_set(
            &services->timers, &run->ramp,
            mono_add(services->now,
                     (struct duration){duration_from_ms(service->slow_start_ms).ns / RAMP_STEPS}));
    }
    service_mark(services, run->entry->service, false);
}

/* Where the service was an hour ago and is no more, its names are what they would be without it. */
static void views_due(struct services *services, struct service_run *run)
{
    const struct service *service = service_now(run->entry);
    run->views &= ~run->views_left;
    run->views_left = 0;
    if (service) {
        stale_add(services, service->name);
        service_names_each(service, run->entry, stale_add, services);
        service_mark(services, run->entry, true);
    }
}

/* First the lease runs out: critical. Then, long after, the instance goes. */
static void lease_due(struct services *services, struct instance_run *run)
{
    const struct service *service = service_now(run->entry->service);
    if (run->lease_expired) {
        if (service && service->critical_remove_ms) {
            services->events->remove(services->events->ctx, run->entry);
        }
    } else {
        run->lease_expired = true;
        instance_judge(services, run, "its lease ran out");
        services->events->lease(services->events->ctx, run->entry, true);
    }
    removal_arm(services, run); /* again and again: a removal may fail, or be refused for now */
}

bool services_next(const struct services *services, struct mono *ret_at)
{
    const struct timer *next = timers_next(&services->timers);
    if (next) {
        *ret_at = next->at;
    }
    return next != NULL;
}

#define OF_TIMER(timer, type, member) ((type *)(void *)((uint8_t *)(timer)-offsetof(type, member)))

void services_step(struct services *services, struct mono now, struct wall wall)
{
    services->now = now;
    services->wall = wall;
    for (struct timer *timer; (timer = timers_due(&services->timers, now)) != NULL;) {
        switch ((enum timer_kind)timer->kind) {
        case TIMER_LEASE:
            lease_due(services, OF_TIMER(timer, struct instance_run, lease));
            break;
        case TIMER_RAMP:
            ramp_due(services, OF_TIMER(timer, struct instance_run, ramp));
            break;
        case TIMER_CHECK:
            check_timer_due(services, OF_TIMER(timer, struct check_use, timer));
            break;
        case TIMER_LINGER: {
            struct linger *linger = OF_TIMER(timer, struct linger, timer);
            stale_add(services, linger->name);
            linger_drop(services, linger);
            break;
        }
        case TIMER_VIEWS:
            views_due(services, OF_TIMER(timer, struct service_run, left));
            break;
        case TIMER_BUDGET:
            budget_due(services);
            break;
        case TIMER_FAILBACK:
            service_mark(services, OF_TIMER(timer, struct service_run, failback)->entry, false);
            break;
        case TIMER_OVERRIDES:
            overrides_apply(services);
            break;
        case TIMER_BRAKE:
            storm_step(services);
            break;
        }
    }
}

/* --- into the trees ------------------------------------------------------------------------------
 */

static int flush_into(struct services *services, const struct names_target *target)
{
    int err = ERR_OK;
    for (struct stale *at = services->stale; at && err == ERR_OK; at = at->next) {
        err = name_give_back(services, target, at->name);
    }
    for (struct linger *at = services->lingers; at && !at->placed && err == ERR_OK; at = at->next) {
        err = linger_put(services, target, at);
    }
    for (struct service_run *at = services->dirty; at && err == ERR_OK; at = at->next_dirty) {
        err = service_names_put(services, target, at, at->names_dirty || services->stale);
    }
    return err == ERR_OK ? reverses_put_dirty(services, target) : err;
}

static void flush_done(struct services *services)
{
    reverses_done(services);
    for (struct linger *at = services->lingers; at && !at->placed; at = at->next) {
        at->placed = true;
    }
    while (services->stale) {
        struct stale *stale = services->stale;
        services->stale = stale->next;
        mem_free(services->alloc, stale);
    }
    while (services->dirty) {
        struct service_run *run = services->dirty;
        services->dirty = run->next_dirty;
        if (run->kind != run->told) {
            enum choice_kind before = run->told;
            run->told = run->kind;
            services->events->choice(services->events->ctx, run->entry, before, run->kind);
        }
        run->dirty = run->names_dirty = false;
        run->next_dirty = NULL;
    }
}

void services_settle(struct services *services)
{
    flush_done(services);
}

int services_flush(struct services *services, struct mono now)
{
    struct control *control = services->control;
    services->now = now;
    aliases_judge(services);
    if (!services->dirty && !services->stale && !services->reverses.dirty) {
        return ERR_OK;
    }
    int err = control_trees_change(control, flush_into, services);
    if (err == ERR_OK) {
        flush_done(services);
    }
    return err;
}

/* --- asking --------------------------------------------------------------------------------------
 */

void instance_status(const struct services *services, const struct instance_entry *instance,
                     struct mono now, struct instance_status *out)
{
    const struct instance_run *run = instance_run(instance);
    (void)services;
    if (!run) {
        *out = (struct instance_status){.verdict = VERDICT_UNKNOWN, .ramp = 1000};
        return;
    }
    *out = (struct instance_status){.verdict = run->verdict,
                                    .since = run->since,
                                    .override = run->override,
                                    .lease_expired = run->lease_expired,
                                    .answered = run->answered,
                                    .lease_until = run->lease_until,
                                    .ramp = instance_ramp(run, now),
                                    .check_count = run->check_count};
}

int service_choice(const struct services *services, const struct service_entry *service,
                   unsigned view, unsigned site, struct service_choice *out)
{
    uint32_t room = service->instance_count + 1;
    *out = (struct service_choice){
        .candidates = mem_new(services->alloc, room * sizeof(struct candidate)),
        .instances = mem_new(services->alloc, room * sizeof(void *)),
    };
    if (!out->candidates || !out->instances) {
        service_choice_drop(services, out);
        return ERR_NOMEM;
    }
    const struct desired *desired = services->control->desired;
    const struct question_from from = {
        .view = view, .site = site < desired->site_count ? &desired->sites[site] : NULL};
    out->count = service_choose(services, desired, service, &from, out->candidates, out->instances,
                                &out->choice);
    return ERR_OK;
}

void service_choice_drop(const struct services *services, struct service_choice *choice)
{
    mem_free(services->alloc, choice->candidates);
    mem_free(services->alloc, choice->instances);
    *choice = (struct service_choice){0};
}

void services_count(const struct services *services, struct services_count *out)
{
    *out =
        (struct services_count){.probes = services->probe_count, .timers = services->timers.count};
    for (struct service_entry *at = registry_first(services->registry); at;
         at = registry_after(services->registry, at)) {
        out->services += service_now(at) != NULL;
        for (uint32_t i = 0; i < at->instance_count; i++) {
            const struct instance_run *run = instance_run(at->instances[i]);
            if (run && instance_now(at->instances[i])) {
                out->instances++;
                out->checks += run->check_count;
                out->by_verdict[run->verdict]++;
            }
        }
    }
}
