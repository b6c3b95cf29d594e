/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/discovery.h"

#include "api/registry_json.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"
#include "daemon/declared.h"
#include "daemon/incident_watch.h"
#include "daemon/log.h"
#include "daemon/news.h"
#include "daemon/rows.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/pool.h"
#include "probe/prober.h"
#include "store/registry_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PUBLISH_SAMPLES = 1024,
    NOT_MADE_EVERY_MS = 60000,
    RETRY_MS = 1000 /* until verdicts that could not be written are tried again */
};

struct discovery {
    struct declared declared;
    struct state *state;
    const struct alloc *alloc;
    struct services *services;
    struct services_events events;
    struct news news; /* what happened, and what of it waits to be recorded */
    struct prober *prober;
    struct probe_port port;
    struct registry_store *store; /* NULL: nothing is durable */
    struct pool *pool;
    struct loop_bell *bell;
    struct loop_timer *timer;
    bool ready;
    bool declared_once; /* what the configuration declares is there, with its verdicts */
    bool broken;        /* there is a data folder, but no store to be had from it */
    struct asked *waiting, **waiting_end;
    uint32_t waiting_count;
    char *drains; /* their state, to be recorded; NULL: it is */
    struct loop_timer *retry;
    bool resting; /* a write failed: verdicts wait for the retry, or for another change */
    /* A write under way: */
    bool writing;
    struct asked *batch; /* in order */
    struct store_row *rows;
    size_t row_count;
    struct seen *batch_seen;
    char *batch_drains;
    struct store_verdict *verdicts;
    struct store_change change;
    int err;
    int last_err;
    struct mono durable_at; /* of the batch; written in the store's thread, read after it */
    uint32_t publish_us[PUBLISH_SAMPLES]; /* a ring: from news to published */
    uint32_t publish_count;
    uint64_t not_made, not_made_told; /* checks, ever; as of the last line in the log */
    struct mono not_made_at;          /* of that line */
};

static void next_batch(struct discovery *discovery);

/* --- time and publishing -------------------------------------------------------------------------
 */

static void timer_arm(struct discovery *discovery)
{
    struct mono at;
    if (!services_next(discovery->services, &at)) {
        loop_timer_stop(discovery->timer);
        return;
    }
    int64_t wait = at.ns - clock_mono().ns;
    /* Up to the next millisecond: libuv's timers have no finer ones. */
    loop_timer_start(discovery->timer, (struct duration){wait > 0 ? wait + 999999 : 0});
}

static void publish_note(struct discovery *discovery, struct mono since)
{
    int64_t us = mono_since(clock_mono(), since).ns / 1000;
    discovery->publish_us[discovery->publish_count++ % PUBLISH_SAMPLES] =
        us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void discovery_publish(struct discovery *discovery, struct mono since)
{
    struct state *state = discovery->state;
    if (discovery->ready) {
        int err = publish_reserve(state->publish);
        err = err == ERR_OK ? services_flush(discovery->services, clock_mono()) : err;
        if (err == ERR_OK) {
            bool news = state_publish(state);
            if (news) {
                publish_note(discovery, since);
                if (news_published(&discovery->news, publish_current(state->publish)->generation)) {
                    incident_watch_start(state->incident_watch);
                }
            }
        } else {
            log_error("services: %s; the answers stay as they were until it works again",
                      error_text(err));
        }
    }
    timer_arm(discovery);
    next_batch(discovery);
}

static void on_timer(void *ctx)
{
    struct discovery *discovery = ctx;
    struct mono now = clock_mono();
    services_step(discovery->services, now, clock_wall());
    discovery_publish(discovery, now);
}

/* Told at once, and then once a minute with how many they are. */
static void not_made(struct discovery *discovery, const char *detail, struct mono now)
{
    discovery->not_made++;
    if (discovery->not_made_told == 0 ||
        mono_since(now, discovery->not_made_at).ns >= duration_from_ms(NOT_MADE_EVERY_MS).ns) {
        log_error("%llu checks could not be made: %s; what they said last goes on counting",
                  (unsigned long long)(discovery->not_made - discovery->not_made_told), detail);
        discovery->not_made_told = discovery->not_made;
        discovery->not_made_at = now;
    }
}

static void on_outcome(void *ctx, struct probe *probe, enum outcome_kind outcome,
                       const char *detail)
{
    struct discovery *discovery = ctx;
    struct mono now = clock_mono();
    if (outcome == OUTCOME_NONE) {
        not_made(discovery, detail, now);
    }
    services_outcome(discovery->services, probe, outcome, detail, now);
    discovery_publish(discovery, now);
}

/* --- batches -------------------------------------------------------------------------------------
 */

static void rows_free(struct discovery *discovery)
{
    for (size_t i = 0; i < discovery->row_count; i++) {
        row_drop(&discovery->rows[i]);
    }
    mem_free(discovery->alloc, discovery->rows);
    discovery->rows = NULL;
    discovery->row_count = 0;
}

static int rows_make(struct discovery *discovery)
{
    struct registry *registry = services_registry(discovery->services);
    size_t count = registry_staged(registry);
    if (count == 0) {
        return ERR_OK;
    }
    discovery->rows = mem_new_zero(discovery->alloc, count, sizeof(*discovery->rows));
    int err = discovery->rows ? ERR_OK : ERR_NOMEM;
    const struct asked *asked = discovery->batch;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        const struct object *object = registry_staged_at(registry, i);
        while (asked && i >= asked->mark + asked->kept) {
            asked = asked->next;
        }
        ASSERT(asked); /* everything staged was asked for by one of the batch */
        if (row_is_kept(object)) {
            struct store_row *row = &discovery->rows[discovery->row_count++];
            err = row_fill(registry, object, row);
            row->by = asked->owner;
            row->why = asked->why;
        }
    }
    return err;
}

static int verdicts_make(struct discovery *discovery)
{
    size_t count = 0;
    for (struct seen *at = discovery->batch_seen; at; at = at->next) {
        count++;
    }
    discovery->verdicts = mem_new(discovery->alloc, (count + 1) * sizeof(*discovery->verdicts));
    if (!discovery->verdicts) {
        return ERR_NOMEM;
    }
    count = 0;
    for (struct seen *at = discovery->batch_seen; at; at = at->next) {
        discovery->verdicts[count++] = (struct store_verdict){at->name, at->id, at->verdict};
    }
    discovery->change.verdicts = discovery->verdicts;
    discovery->change.verdict_count = count;
    return ERR_OK;
}

/* Stages one wish; told at once when it is refused, changes nothing, or was only to be tried. Where
 * others have staged something before it in the same batch, that may be why: then it is told with
 * the batch, when that is durable or has failed. */
static bool stage_one(struct discovery *discovery, struct asked *asked)
{
    struct registry *registry = services_registry(discovery->services);
    struct refusal *refusal = &asked->refusal;
    *refusal = (struct refusal){.field = ""};
    registry_next(registry);
    asked->mark = registry_staged(registry);
    asked->revision = registry_staged_revision(registry);
    int err = ERR_OK;
    if (discovery->broken && strcmp(asked->owner, OWNER_CONFIG) != 0) {
        refusal_fill(refusal, "", "mend what the log says, and start the server again",
                     "the registry could not be opened at the start; nothing can be registered");
        err = ERR_BUSY;
    }
    err = err == ERR_OK ? asked->stage(asked, registry, refusal) : err;
    if (err == ERR_OK) {
        err = services_judge(discovery->services, asked->mark, refusal);
    }
    asked->staged = registry_staged(registry) - asked->mark;
    asked->judged = err;
    asked->kept = 0;
    if (err == ERR_OK && asked->staged > 0 && !asked->dry_run) {
        asked->kept = asked->staged;
        return true;
    }
    asked->revision = asked->staged > 0 ? asked->revision : registry_revision(registry);
    registry_undo(registry, asked->mark);
    if (asked->mark > 0) {
        return true;
    }
    asked->told(asked, err, refusal, asked->revision);
    return false;
}

/* It is durable, or nothing is kept anyway. */
static void batch_commit(struct discovery *discovery)
{
    struct registry *registry = services_registry(discovery->services);
    for (size_t i = 0; i < registry_staged(registry); i++) {
        const struct object *object = registry_staged_at(registry, i);
        if (object->kind == OBJECT_INSTANCE && !object->next) {
            const struct instance_entry *gone = (const struct instance_entry *)object;
            news_forget(&discovery->news, gone);
        }
    }
    services_commit(discovery->services, clock_mono(), clock_wall());
}

static void batch_told(struct discovery *discovery, int err)
{
    struct refusal refusal = {.field = ""};
    if (err != ERR_OK && discovery->store) {
        snprintf(refusal.reason, sizeof(refusal.reason), "the store could not keep it: %s",
                 registry_store_problem(discovery->store));
        snprintf(refusal.mend, sizeof(refusal.mend), "%s",
                 err == ERR_SPACE ? "make room on the disk, and ask again" : "ask again");
    }
    while (discovery->batch) {
        struct asked *asked = discovery->batch;
        discovery->batch = asked->next;
        if (err == ERR_OK) {
            asked->told(asked, asked->judged, &asked->refusal, asked->revision);
        } else {
            asked->told(asked, err, &refusal, asked->revision);
        }
    }
}

/* What was seen and could not be written is written with the next batch, before what came since;
 * without another change not at once: the store is as it was. */
static void seen_again(struct discovery *discovery)
{
    bool drains = discovery->batch_drains && !discovery->drains;
    if (drains) {
        discovery->drains = discovery->batch_drains;
        discovery->batch_drains = NULL;
    }
    if (news_put_back(&discovery->news, discovery->batch_seen) || drains) {
        discovery->resting = true;
        loop_timer_start(discovery->retry, duration_from_ms(RETRY_MS));
    }
}

static void on_retry(void *ctx)
{
    struct discovery *discovery = ctx;
    discovery->resting = false;
    next_batch(discovery);
}

static void batch_end(struct discovery *discovery, int err)
{
    struct registry *registry = services_registry(discovery->services);
    bool had = registry_staged(registry) > 0;
    rows_free(discovery);
    if (had && err == ERR_OK) {
        batch_commit(discovery);
    } else {
        registry_undo(registry, 0);
    }
    if (err == ERR_OK) {
        news_free_seen(&discovery->news, discovery->batch_seen);
    } else {
        seen_again(discovery);
    }
    discovery->batch_seen = NULL;
    mem_free(discovery->alloc, discovery->batch_drains);
    discovery->batch_drains = NULL;
    mem_free(discovery->alloc, discovery->verdicts);
    discovery->verdicts = NULL;
    if (err != ERR_OK && discovery->last_err == ERR_OK) {
        log_error("the registry cannot be written: %s; answers and health go on, changes are "
                  "refused",
                  registry_store_problem(discovery->store));
    } else if (err == ERR_OK && discovery->last_err != ERR_OK) {
        log_info("the registry can be written again");
    }
    discovery->last_err = err;
    discovery->writing = false;
    if (had) {
        discovery_publish(
            discovery,
            discovery->durable_at); /* shown before anybody is told; begins no batch: see below */
    }
    batch_told(discovery, err);
    next_batch(discovery);
}

static void batch_write(void *ctx)
{
    struct discovery *discovery = ctx;
    discovery->err = registry_store_write(discovery->store, &discovery->change);
    discovery->durable_at = clock_mono();
}

static void batch_written(void *ctx)
{
    struct discovery *discovery = ctx;
    batch_end(discovery, discovery->err);
}

/* Everything that waits becomes one batch. */
static void next_batch(struct discovery *discovery)
{
    struct registry *registry = services_registry(discovery->services);
    bool seen = (discovery->news.seen || discovery->drains) && !discovery->resting;
    if (discovery->writing || discovery->batch || (!discovery->waiting && !seen)) {
        return;
    }
    discovery->writing = true;
    struct asked **end = &discovery->batch;
    while (discovery->waiting) {
        struct asked *asked = discovery->waiting;
        discovery->waiting = asked->next;
        discovery->waiting_count--;
        asked->next = NULL;
        if (!discovery->waiting) {
            discovery->waiting_end = &discovery->waiting;
        }
        if (stage_one(discovery, asked)) {
            *end = asked;
            end = &asked->next;
        }
    }
    discovery->batch_seen = news_take(&discovery->news);
    discovery->batch_drains = discovery->drains;
    discovery->drains = NULL;
    bool beside = discovery->batch_seen || discovery->batch_drains;
    if (!discovery->store || (registry_staged(registry) == 0 && !beside)) {
        discovery->durable_at = clock_mono();
        batch_end(discovery, ERR_OK);
        return;
    }
    discovery->change =
        (struct store_change){.at = clock_wall(), .revision = registry_staged_revision(registry)};
    int err = rows_make(discovery);
    discovery->durable_at = clock_mono();
    if (err == ERR_OK && discovery->row_count == 0 && !beside) {
        batch_end(discovery, ERR_OK); /* nothing of it is kept */
        return;
    }
    err = err == ERR_OK ? verdicts_make(discovery) : err;
    discovery->change.rows = discovery->rows;
    discovery->change.row_count = discovery->row_count;
    discovery->change.drains = discovery->batch_drains;
    if (err == ERR_OK) {
        err = pool_start(discovery->pool, batch_write, batch_written, discovery);
    }
    if (err != ERR_OK) {
        batch_end(discovery, err);
    }
}

void discovery_drains_record(struct discovery *discovery, char *text)
{
    mem_free(discovery->alloc, discovery->drains);
    discovery->drains = text;
    next_batch(discovery);
}

int discovery_ask(struct discovery *discovery, struct asked *asked)
{
    if (discovery->waiting_count >= LIMIT_REGISTRY_QUEUE) {
        return ERR_LIMIT;
    }
    asked->next = NULL;
    *discovery->waiting_end = asked;
    discovery->waiting_end = &asked->next;
    discovery->waiting_count++;
    next_batch(discovery);
    return ERR_OK;
}

/* --- starting ------------------------------------------------------------------------------------
 */

static void on_wake(void *ctx)
{
    loop_bell_ring(((struct discovery *)ctx)->bell);
}

static void on_bell(void *ctx)
{
    pool_finish(((struct discovery *)ctx)->pool);
}

/* One object as it was kept. What cannot be read any more is told and left on disk. */
static int object_restore(void *ctx, const struct store_row *row)
{
    struct discovery *discovery = ctx;
    struct registry *registry = services_registry(discovery->services);
    struct arena arena;
    struct refusal refusal = {.field = ""};
    json_t *json = json_loads(row->body, 0, NULL);
    int err = json ? ERR_OK : ERR_INVALID;
    arena_init(&arena, discovery->alloc);
    registry_revision_set(registry, row->revision); /* the object keeps its own */
    if (err == ERR_OK && row->kind == STORE_SERVICE) {
        struct service service;
        err = service_from_json(json, &arena, NULL, &service, &refusal);
        service.owner = row->owner;
        err = err == ERR_OK ? registry_put_service(registry, &service, REVISION_ANY, NULL, &refusal)
                            : err;
    } else if (err == ERR_OK && row->kind == STORE_INSTANCE) {
        struct instance instance;
        err = instance_from_json(json, &arena, NULL, &instance, &refusal);
        instance.owner = row->owner;
        err = err == ERR_OK
                  ? registry_put_instance(registry, &instance, REVISION_ANY, NULL, &refusal)
                  : err;
    } else if (err == ERR_OK) {
        struct override override;
        err = override_from_json(json, clock_wall(), true, &override, &refusal);
        override.owner = row->owner;
        err = err == ERR_OK ? registry_put_override(registry, &override, &refusal) : err;
    }
    if (err != ERR_OK && err != ERR_NOMEM) {
        log_warning("registry: %s %s cannot be taken over: %s", row->name, row->id,
                    refusal.reason[0] ? refusal.reason : error_text(err));
        err = ERR_OK;
    }
    arena_deinit(&arena);
    json_decref(json);
    return err;
}

static int verdict_restore(void *ctx, const struct store_verdict *verdict)
{
    struct discovery *discovery = ctx;
    uint8_t name[NAME_MAX];
    if (name_from_text(verdict->name, NULL, name) != ERR_OK) {
        return ERR_OK;
    }
    if (strncmp(verdict->id, SEEN_SITE, sizeof(SEEN_SITE) - 1) == 0) {
        services_restore_failover(discovery->services, name, verdict->id + sizeof(SEEN_SITE) - 1,
                                  clock_mono());
    } else if (strcmp(verdict->verdict, SEEN_EXPIRED) == 0) {
        services_restore_expired(discovery->services, name, verdict->id, clock_mono());
    } else {
        services_restore(discovery->services, name, verdict->id,
                         verdict_from_name(verdict->verdict), clock_mono());
    }
    return ERR_OK;
}

static void verdicts_restore(struct discovery *discovery)
{
    if (registry_store_verdicts(discovery->store, verdict_restore, discovery) != ERR_OK) {
        log_error("registry: the verdicts cannot be read: %s; every check begins anew",
                  registry_store_problem(discovery->store));
    }
    news_free_seen(&discovery->news, news_take(&discovery->news)); /* nothing new */
}

static int store_read(struct discovery *discovery)
{
    struct registry *registry = services_registry(discovery->services);
    services_starting(discovery->services, true);
    int err = registry_store_objects(discovery->store, object_restore, discovery);
    if (err == ERR_OK) {
        services_commit(discovery->services, clock_mono(), clock_wall());
        verdicts_restore(discovery);
        registry_revision_set(registry, registry_store_revision(discovery->store));
    } else {
        registry_undo(registry, 0);
    }
    services_starting(discovery->services, false);
    return err;
}

static int discovery_open(struct discovery *discovery, struct diag_list *diags)
{
    struct state *state = discovery->state;
    const char *data = state->epoch->config->data;
    int err = loop_timer_new(state->loop, on_timer, discovery, &discovery->timer);
    if (err == ERR_OK) {
        err = loop_timer_new(state->loop, on_retry, discovery, &discovery->retry);
    }
    if (err == ERR_OK) {
        err = loop_bell_new(state->loop, on_bell, discovery, &discovery->bell);
    }
    if (err == ERR_OK) {
        err = pool_new(discovery->alloc, 1, on_wake, discovery, &discovery->pool);
    }
    if (err == ERR_OK) {
        err = prober_new(discovery->alloc, state->loop, entropy_seed(), on_outcome, discovery,
                         &discovery->prober);
    }
    if (err == ERR_OK) {
        discovery->port = prober_port(discovery->prober);
        err = services_new(state->control, &discovery->port, &discovery->events,
                           &discovery->services);
        discovery->news.services = discovery->services;
    }
    if (err != ERR_OK || !data) {
        return err;
    }
    if (registry_store_open(discovery->alloc, data, diags, &discovery->store) != ERR_OK) {
        discovery->broken = true; /* zones are answered all the same */
        services_lost(discovery->services);
        return ERR_OK;
    }
    discovery->news.recorded = true;
    err = store_read(discovery);
    if (err != ERR_OK && err != ERR_NOMEM) {
        log_error("%s/registry.db cannot be read: %s; zones are answered, nothing can be "
                  "registered; put a copy back, or move it away to begin anew",
                  data, registry_store_problem(discovery->store));
        registry_store_close(discovery->store);
        discovery->store = NULL;
        discovery->news.recorded = false;
        discovery->broken = true;
        services_lost(discovery->services);
        err = ERR_OK;
    }
    return err;
}

int discovery_new(struct state *state, struct diag_list *diags, struct discovery **ret)
{
    struct discovery *discovery = mem_new_zero(state->alloc, 1, sizeof(*discovery));
    if (!discovery) {
        return ERR_NOMEM;
    }
    discovery->state = state;
    discovery->alloc = state->alloc;
    discovery->waiting_end = &discovery->waiting;
    news_init(&discovery->news, discovery, discovery->alloc);
    discovery->events = news_events(&discovery->news);
    int err = discovery_open(discovery, diags);
    if (err != ERR_OK) {
        discovery_free(discovery);
        return err;
    }
    *ret = discovery;
    return ERR_OK;
}

void discovery_check_rate(struct discovery *discovery, uint32_t rate)
{
    prober_rate_set(discovery->prober, rate);
}

int discovery_configure(struct discovery *discovery)
{
    bool first = !discovery->declared_once;
    discovery->declared_once = true;
    services_starting(discovery->services, first);
    int err = declared_ask(&discovery->declared, discovery->state);
    if (err == ERR_OK && first && discovery->store) {
        verdicts_restore(discovery); /* what the configuration declares came only now */
    }
    services_starting(discovery->services, false);
    return err;
}

void discovery_ready(struct discovery *discovery)
{
    discovery->ready = true;
    timer_arm(discovery);
}

void discovery_free(struct discovery *discovery)
{
    if (!discovery) {
        return;
    }
    struct asked *waiting = discovery->waiting;
    const struct refusal refusal = {.reason = "the server stops"};
    while (waiting) {
        struct asked *next = waiting->next;
        waiting->told(waiting, ERR_AGAIN, &refusal, 0);
        waiting = next;
    }
    services_free(discovery->services);
    prober_free(discovery->prober);
    news_free_seen(&discovery->news, news_take(&discovery->news));
    mem_free(discovery->alloc, discovery->drains);
    mem_free(discovery->alloc, discovery->batch_drains);
    registry_store_close(discovery->store);
    if (discovery->pool) {
        pool_free(discovery->pool);
    }
    loop_bell_free(discovery->bell);
    loop_timer_free(discovery->retry);
    loop_timer_free(discovery->timer);
    mem_free(discovery->alloc, discovery);
}

bool discovery_is_under_way(const struct discovery *discovery)
{
    return discovery->writing;
}

struct services *discovery_services(const struct discovery *discovery)
{
    return discovery->services;
}

struct incidents *discovery_incidents(struct discovery *discovery)
{
    return &discovery->news.incidents;
}

struct registry_store *discovery_store(const struct discovery *discovery)
{
    return discovery->store;
}

static int number_order(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

void discovery_status(const struct discovery *discovery, struct discovery_status *out)
{
    *out = (struct discovery_status){
        .revision = registry_revision(services_registry(discovery->services)),
        .waiting = discovery->waiting_count,
        .durable = discovery->store != NULL,
        .broken = discovery->broken,
        .last_err = discovery->last_err,
        .not_made = discovery->not_made,
        .delayed = prober_delayed(discovery->prober),
    };
    services_count(discovery->services, &out->count);
    uint32_t sorted[PUBLISH_SAMPLES];
    uint32_t count =
        discovery->publish_count < PUBLISH_SAMPLES ? discovery->publish_count : PUBLISH_SAMPLES;
    memcpy(sorted, discovery->publish_us, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), number_order);
    out->publish_samples = count;
    out->publish_median_us = count ? sorted[count / 2] : 0;
    out->publish_p99_us = count ? sorted[count * 99 / 100] : 0;
}
