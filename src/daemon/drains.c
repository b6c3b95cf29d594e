/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/drains.h"

#include "api/json_text.h"
#include "api/zones.h"
#include "base/error.h"
#include "control/reach.h"
#include "daemon/discovery.h"
#include "daemon/log.h"
#include "daemon/routes.h"
#include "io/clock.h"
#include "store/registry_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_MS = 250,
    OVERRIDE_REASON_BYTES = 400,
};

/* One that runs, or ended. */
struct one {
    struct drain drain;
    struct drains *drains;
    uint8_t name[NAME_MAX]; /* of the service */
    bool published;         /* what the step asked for is, with: */
    uint64_t generation;
    bool asking; /* the registry is to change */
};

struct drains {
    struct state *state;
    const struct alloc *alloc;
    struct loop_timer *timer;
    struct one *list[LIMIT_DRAINS]; /* oldest first */
    unsigned count;
    uint64_t last; /* number */
};

static struct services *services_of(const struct drains *drains)
{
    return discovery_services(drains->state->discovery);
}

static struct drain_target target_of(const struct one *one)
{
    bool site = one->drain.site[0];
    return (struct drain_target){.site = site ? one->drain.site : NULL,
                                 .service = site ? NULL : one->name,
                                 .instance = site ? NULL : one->drain.instance};
}

/* --- as JSON -------------------------------------------------------------------------------------
 */

/* Numbers that a restart reads again, and what people and programs look at. */
json_t *drain_to_json(const struct drain *drain, struct wall now)
{
    json_t *entered = json_object();
    for (unsigned step = 0; step < DRAIN_STEP_COUNT; step++) {
        if (drain->entered[step].ns) {
            json_object_set_new(entered, drain_step_name((enum drain_step)step),
                                wall_ms_to_json(drain->entered[step]));
        }
    }
    json_t *json = json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:s, s:s, s:o, s:o}", "drain",
        (json_int_t)drain->number, "site", json_text(drain->site), "service",
        json_text(drain->service), "instance", json_text(drain->instance), "to",
        json_text(drain->to), "reason", json_text(drain->reason), "owner", json_text(drain->owner),
        "services", (json_int_t)drain->services, "ttl", (json_int_t)drain->ttl_s, "ttl_before",
        (json_int_t)drain->ttl_before_s, "step", drain_step_name(drain->step), "text",
        drain_step_text(drain->step), "entered", entered, "problem", json_text(drain->problem));
    bool waits = drain->step == DRAIN_WAIT_OLD || drain->step == DRAIN_WAIT_NEW;
    double left = (double)(drain->until.ns - now.ns) / 1e9;
    json_object_set_new(json, "until", wall_to_json(drain->until));
    json_object_set_new(json, "left", json_real(waits && left > 0 ? left : 0));
    json_object_set_new(json, "last_sent", wall_to_json(drain->last_sent));
    json_object_set_new(json, "safe_to_power_off", json_boolean(drain->gated));
    json_object_set_new(json, "compliant", wall_to_json(drain->compliant));
    json_object_set_new(json, "pessimistic", wall_to_json(drain->pessimistic));
    return json;
}

/* What a restart needs, in ns. */
static json_t *drain_to_record(const struct drain *drain)
{
    json_t *entered = json_array();
    for (unsigned step = 0; step < DRAIN_STEP_COUNT; step++) {
        json_array_append_new(entered, json_integer(drain->entered[step].ns));
    }
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:s, s:o, s:I, s:I, s:I, s:I, "
        "s:b}",
        "number", (json_int_t)drain->number, "site", json_text(drain->site), "service",
        json_text(drain->service), "instance", json_text(drain->instance), "to",
        json_text(drain->to), "reason", json_text(drain->reason), "owner", json_text(drain->owner),
        "services", (json_int_t)drain->services, "ttl", (json_int_t)drain->ttl_s, "ttl_before",
        (json_int_t)drain->ttl_before_s, "for", (json_int_t)drain->override_ms, "step",
        drain_step_name(drain->step), "entered", entered, "until", (json_int_t)drain->until.ns,
        "last_sent", (json_int_t)drain->last_sent.ns, "compliant", (json_int_t)drain->compliant.ns,
        "pessimistic", (json_int_t)drain->pessimistic.ns, "gated", (int)drain->gated);
}

static void text_read(const json_t *json, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(json, key));
    snprintf(out, size, "%s", text ? text : "");
}

static int64_t number_read(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

/* false: it is none that this version knows. */
static bool drain_from_record(const json_t *json, struct drain *out)
{
    const json_t *entered = json_object_get(json, "entered");
    *out = (struct drain){.number = (uint64_t)number_read(json, "number"),
                          .services = (uint32_t)number_read(json, "services"),
                          .ttl_s = (uint32_t)number_read(json, "ttl"),
                          .ttl_before_s = (uint32_t)number_read(json, "ttl_before"),
                          .override_ms = (uint32_t)number_read(json, "for"),
                          .until = {number_read(json, "until")},
                          .last_sent = {number_read(json, "last_sent")},
                          .compliant = {number_read(json, "compliant")},
                          .pessimistic = {number_read(json, "pessimistic")},
                          .gated = json_is_true(json_object_get(json, "gated"))};
    text_read(json, "site", out->site, sizeof(out->site));
    text_read(json, "service", out->service, sizeof(out->service));
    text_read(json, "instance", out->instance, sizeof(out->instance));
    text_read(json, "to", out->to, sizeof(out->to));
    text_read(json, "reason", out->reason, sizeof(out->reason));
    text_read(json, "owner", out->owner, sizeof(out->owner));
    for (unsigned step = 0; step < DRAIN_STEP_COUNT; step++) {
        out->entered[step].ns = json_integer_value(json_array_get(entered, step));
    }
    out->step = drain_step_from_name(json_string_value(json_object_get(json, "step")));
    return out->step < DRAIN_STEP_COUNT && out->number > 0;
}

static void record(struct drains *drains)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < drains->count; i++) {
        json_array_append_new(list, drain_to_record(&drains->list[i]->drain));
    }
    char *text = json_dumps(list, JSON_COMPACT);
    char *copy = text ? mem_copy_text(drains->alloc, text) : NULL;
    free(text);
    json_decref(list);
    if (copy) {
        discovery_drains_record(drains->state->discovery, copy);
    }
}

/* --- what a step asks for ------------------------------------------------------------------------
 */

struct moving {
    struct asked asked;
    struct drains *drains;
    uint64_t number; /* of the drain that waits for it; 0: none */
    bool end;
    struct drain drain;
    drains_told *told; /* of who ended it; NULL */
    void *ctx;
};

static struct one *one_of(const struct drains *drains, uint64_t number)
{
    for (unsigned i = 0; i < drains->count; i++) {
        if (drains->list[i]->drain.number == number) {
            return drains->list[i];
        }
    }
    return NULL;
}

static int moving_stage(struct asked *asked, struct registry *registry, struct refusal *refusal)
{
    const struct moving *moving = (struct moving *)asked;
    const struct drain *drain = &moving->drain;
    struct wall now = clock_wall();
    char name[NAME_TEXT_MAX], key[OVERRIDE_KEY_BYTES], reason[OVERRIDE_REASON_BYTES];
    snprintf(name, sizeof(name), "%s", drain->site[0] ? "*" : drain->service);
    size_t len = strlen(name);
    if (len > 1 && name[len - 1] == '.') {
        name[len - 1] = '\0'; /* patterns have no final dot */
    }
    const char *instance = drain->site[0] ? "*" : drain->instance;
    const char *site = drain->site[0] ? drain->site : NULL;
    if (moving->end) {
        int err =
            registry_drop_override(registry, override_key(name, instance, site, key), refusal);
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    snprintf(reason, sizeof(reason), "drain %llu: %.200s", (unsigned long long)drain->number,
             drain->reason);
    const struct override override = {
        .name = name,
        .instance = instance,
        .site = site,
        .action = OVERRIDE_DRAIN,
        .reason = reason,
        .owner = drain->owner,
        .set_at = now,
        .expires_at = {now.ns + (int64_t)drain->override_ms * 1000000}};
    return registry_put_override(registry, &override, refusal);
}

static void moving_told(struct asked *asked, int err, const struct refusal *refusal,
                        uint64_t revision)
{
    struct moving *moving = (struct moving *)asked;
    struct drains *drains = moving->drains;
    struct one *one = one_of(drains, moving->number);
    const struct snapshot *current = publish_current(drains->state->publish);
    (void)revision;
    if (one) {
        one->asking = false;
        one->published = err == ERR_OK;
        one->generation = current ? current->generation : 0;
        if (err != ERR_OK) {
            one->drain.acted = false; /* it is asked for again */
            snprintf(one->drain.problem, sizeof(one->drain.problem), "%s",
                     refusal->reason[0] ? refusal->reason : error_text(err));
        }
    }
    if (moving->told) {
        moving->told(moving->ctx, err, refusal);
    }
    mem_free(drains->alloc, moving);
}

static int moving_ask(struct drains *drains, const struct drain *drain, bool end, drains_told *told,
                      void *ctx)
{
    struct moving *moving = mem_new_zero(drains->alloc, 1, sizeof(*moving));
    if (!moving) {
        return ERR_NOMEM;
    }
    moving->drains = drains;
    moving->number = end ? 0 : drain->number;
    moving->end = end;
    moving->drain = *drain;
    moving->told = told;
    moving->ctx = ctx;
    moving->asked = (struct asked){.stage = moving_stage,
                                   .told = moving_told,
                                   .owner = moving->drain.owner,
                                   .why = moving->drain.reason};
    int err = discovery_ask(drains->state->discovery, &moving->asked);
    if (err != ERR_OK) {
        mem_free(drains->alloc, moving);
    }
    return err;
}

static void cap_set(struct one *one, uint32_t ttl_s)
{
    struct drains *drains = one->drains;
    struct drain_target target = target_of(one);
    drain_ttl_cap(services_of(drains), &target, ttl_s);
    for (unsigned i = 0; ttl_s == 0 && i < drains->count; i++) {
        const struct one *other = drains->list[i];
        const struct drain *drain = &other->drain;
        if (!drain_is_over(drain) && (drain->step > DRAIN_LOWER || drain->acted)) {
            struct drain_target still = target_of(other); /* needs it yet */
            drain_ttl_cap(services_of(drains), &still, drain->ttl_s);
        }
    }
    discovery_publish(drains->state->discovery, clock_mono());
    const struct snapshot *current = publish_current(drains->state->publish);
    one->published = true;
    one->generation = current ? current->generation : 0;
}

static void act(struct one *one, enum drain_act what)
{
    struct drains *drains = one->drains;
    one->published = false;
    if (what == DRAIN_ACT_LOWER) {
        cap_set(one, one->drain.ttl_s);
    } else if (what == DRAIN_ACT_RESTORE) {
        cap_set(one, 0);
    } else {
        one->asking = true;
        if (moving_ask(drains, &one->drain, false, NULL, NULL) != ERR_OK) {
            one->asking = false;
            one->drain.acted = false;
        }
    }
}

/* --- looking -------------------------------------------------------------------------------------
 */

static void reach_look(void *ctx, struct drain_reach *out)
{
    const struct one *one = ctx;
    const struct state *state = one->drains->state;
    struct until_world until = until_world_of(state);
    const struct drain_target meant = target_of(one);
    const struct reach_target target = {.site = meant.site,
                                        .service = meant.service,
                                        .instance = meant.instance,
                                        .minimum_ttl_s = until.minimum_ttl_s};
    struct reach reach;
    const int64_t second_ns = 1000000000;
    reach_of(services_of(one->drains), until.world.snapshot, until.ledger, VIEW_NONE, &target,
             &reach);
    *out = (struct drain_reach){.answered = reach.answered,
                                .until = until_wall(&until, reach.until),
                                .last_sent = until_wall(&until, reach.last_sent),
                                .pessimistic = until_wall(&until, reach.longest)};
    if (reach.until) {
        out->until_mono.ns = until.now.ns + (out->until.ns - until.wall.ns); /* as it is shown */
        out->last_sent.ns -= UNTIL_TRANSIT_S * second_ns;
        out->pessimistic.ns += (int64_t)until.beyond_s * second_ns;
    }
}

/* The target in question first, then all others that are drained. */
static unsigned targets_of(const struct drains *drains, const struct one *one,
                           struct drain_target out[LIMIT_DRAINS + 1])
{
    unsigned count = 0;
    out[count++] = target_of(one);
    for (unsigned i = 0; i < drains->count; i++) {
        if (drains->list[i] != one && !drain_is_over(&drains->list[i]->drain)) {
            out[count++] = target_of(drains->list[i]);
        }
    }
    return count;
}

static int judge(const struct drains *drains, struct one *one, struct refusal *refusal)
{
    struct drain_target targets[LIMIT_DRAINS + 1];
    unsigned count = targets_of(drains, one, targets);
    uint32_t ttl_s = 0;
    int err =
        drain_judge(services_of(drains), targets, count, one->drain.to[0] ? one->drain.to : NULL,
                    &one->drain.services, &ttl_s, refusal);
    if (err == ERR_OK && one->drain.ttl_before_s == 0) {
        one->drain.ttl_before_s = ttl_s;
    }
    return err;
}

static void step_log(const struct drain *drain)
{
    char until[32] = "";
    bool waits = drain->step == DRAIN_WAIT_OLD || drain->step == DRAIN_WAIT_NEW;
    double left = (double)(drain->until.ns - clock_wall().ns) / 1e9;
    if (waits && left > 0) {
        snprintf(until, sizeof(until), ", for %.0f s", left);
    }
    log_info("drain %llu of %s%s%s: %s%s", (unsigned long long)drain->number,
             drain->site[0] ? "site " : drain->service, drain->site[0] ? "" : " ",
             drain->site[0] ? drain->site : drain->instance, drain_step_text(drain->step), until);
}

static void look(struct one *one)
{
    struct drains *drains = one->drains;
    struct refusal refusal = {.field = ""};
    enum drain_step before = one->drain.step;
    enum drain_act what;
    do {
        bool moves = one->drain.step == DRAIN_MOVE && !one->drain.acted;
        struct drain_facts facts = {
            .now = clock_mono(),
            .wall = clock_wall(),
            .settled = one->published && !one->asking &&
                       drains->state->retired_generation + 1 >= one->generation,
            .refused = moves && judge(drains, one, &refusal) != ERR_OK ? refusal.reason : NULL,
            .reach = reach_look,
            .ctx = one};
        if (one->drain.site[0]) {
            facts.gate = services_gate(services_of(drains), one->drain.site, &facts.gate_said);
        }
        enum drain_step at = one->drain.step;
        what = drain_advance(&one->drain, &facts);
        if (what != DRAIN_ACT_NONE) {
            act(one, what);
        } else if (one->drain.step != at) {
            what = DRAIN_ACT_LOWER; /* look again, at the next step */
        }
    } while (what != DRAIN_ACT_NONE && !one->asking);
    if (one->drain.step != before) {
        step_log(&one->drain);
        record(drains);
    }
}

static void on_timer(void *ctx)
{
    struct drains *drains = ctx;
    bool any = false;
    for (unsigned i = 0; i < drains->count; i++) {
        struct one *one = drains->list[i];
        if (!drain_is_over(&one->drain)) {
            look(one);
            any = any || !drain_is_over(&one->drain);
        }
    }
    if (any) {
        loop_timer_start(drains->timer, duration_from_ms(LOOK_MS));
    }
}

/* --- beginning and ending ------------------------------------------------------------------------
 */

static bool same_target(const struct drain *a, const struct drain *b)
{
    return strcmp(a->site, b->site) == 0 && strcmp(a->service, b->service) == 0 &&
           strcmp(a->instance, b->instance) == 0;
}

/* Room for one more: the oldest that ended goes. */
static bool room_make(struct drains *drains)
{
    unsigned i = 0;
    if (drains->count < LIMIT_DRAINS) {
        return true;
    }
    while (i < drains->count && !drain_is_over(&drains->list[i]->drain)) {
        i++;
    }
    if (i == drains->count) {
        return false;
    }
    mem_free(drains->alloc, drains->list[i]);
    memmove(&drains->list[i], &drains->list[i + 1], (drains->count - i - 1) * sizeof(void *));
    drains->count--;
    return true;
}

static struct one *one_new(struct drains *drains, const struct drain *drain)
{
    struct one *one = mem_new_zero(drains->alloc, 1, sizeof(*one));
    if (one) {
        one->drains = drains;
        one->drain = *drain;
        if (!drain->site[0]) {
            name_from_text(drain->service, NULL, one->name);
            name_lower(one->name, name_len(one->name));
        }
    }
    return one;
}

int drains_begin(struct drains *drains, struct drain *wanted, bool dry_run, struct refusal *refusal)
{
    for (unsigned i = 0; i < drains->count; i++) {
        const struct drain *at = &drains->list[i]->drain;
        if (!drain_is_over(at) && same_target(at, wanted)) {
            refusal_fill(refusal, wanted->site[0] ? "site" : "instance",
                         "`horizon drains` shows it, `horizon undrain` ends it",
                         "it is being drained already (drain %llu)",
                         (unsigned long long)at->number);
            return ERR_EXISTS;
        }
    }
    if (!room_make(drains)) {
        refusal_fill(refusal, "", "wait for one of them", "%d drains run already",
                     (int)LIMIT_DRAINS);
        return ERR_LIMIT;
    }
    struct one *one = one_new(drains, wanted);
    if (!one) {
        return ERR_NOMEM;
    }
    one->drain.number = drains->last + 1;
    one->drain.step = DRAIN_LOWER;
    one->drain.entered[DRAIN_LOWER] = clock_wall();
    int err = judge(drains, one, refusal);
    *wanted = one->drain;
    if (err != ERR_OK || dry_run) {
        mem_free(drains->alloc, one);
        return err;
    }
    drains->last++;
    drains->list[drains->count++] = one;
    step_log(&one->drain);
    record(drains);
    loop_timer_start(drains->timer, duration_from_ms(1));
    return ERR_OK;
}

int drains_end(struct drains *drains, const struct drain *which, drains_told *told, void *ctx,
               struct refusal *refusal)
{
    struct one *found = NULL;
    for (unsigned i = 0; i < drains->count; i++) {
        if (same_target(&drains->list[i]->drain, which)) {
            found = drains->list[i]; /* the newest */
        }
    }
    if (!found) {
        refusal_fill(refusal, which->site[0] ? "site" : "instance", "`horizon drains` lists them",
                     "nothing is drained there");
        return ERR_NOT_FOUND;
    }
    if (!drain_is_over(&found->drain)) {
        found->drain.step = DRAIN_ABORTED;
        found->drain.entered[DRAIN_ABORTED] = clock_wall();
        found->drain.problem[0] = '\0';
        cap_set(found, 0);
        step_log(&found->drain);
        record(drains);
    }
    return moving_ask(drains, &found->drain, true, told, ctx);
}

const struct drain *drains_at(const struct drains *drains, unsigned i)
{
    return i < drains->count ? &drains->list[drains->count - 1 - i]->drain : NULL;
}

/* --- life ----------------------------------------------------------------------------------------
 */

/* What was under way goes on: TTLs are low again, waits are as long as they were. */
static void drain_restore(struct drains *drains, const json_t *json)
{
    struct drain drain;
    struct one *one = drain_from_record(json, &drain) && drains->count < LIMIT_DRAINS
                          ? one_new(drains, &drain)
                          : NULL;
    if (!one) {
        return;
    }
    drains->list[drains->count++] = one;
    drains->last = drain.number > drains->last ? drain.number : drains->last;
    if (!drain_is_over(&drain)) {
        struct drain_target target = target_of(one);
        drain_resume(&one->drain, clock_mono(), clock_wall());
        if (drain.step > DRAIN_LOWER) {
            drain_ttl_cap(services_of(drains), &target, drain.ttl_s);
        }
        log_info("drain %llu goes on: %s", (unsigned long long)drain.number,
                 drain_step_text(drain.step));
        loop_timer_start(drains->timer, duration_from_ms(LOOK_MS));
    }
}

int drains_new(struct state *state, struct drains **ret)
{
    struct drains *drains = mem_new_zero(state->alloc, 1, sizeof(*drains));
    if (!drains) {
        return ERR_NOMEM;
    }
    drains->state = state;
    drains->alloc = state->alloc;
    int err = loop_timer_new(state->loop, on_timer, drains, &drains->timer);
    if (err != ERR_OK) {
        mem_free(state->alloc, drains);
        return err;
    }
    struct registry_store *store = discovery_store(state->discovery);
    char *text = store ? registry_store_drains(store) : NULL;
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        drain_restore(drains, json_array_get(list, i));
    }
    json_decref(list);
    mem_free(state->alloc, text);
    *ret = drains;
    return ERR_OK;
}

void drains_free(struct drains *drains)
{
    if (!drains) {
        return;
    }
    for (unsigned i = 0; i < drains->count; i++) {
        mem_free(drains->alloc, drains->list[i]);
    }
    loop_timer_free(drains->timer);
    mem_free(drains->alloc, drains);
}
