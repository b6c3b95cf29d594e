/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/reload.h"

#include "api/json_text.h"
#include "api/zones.h"
#include "base/error.h"
#include "config/diff.h"
#include "daemon/discovery.h"
#include "daemon/load.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/read_config.h"
#include "daemon/status.h"
#include "dns/name.h"
#include "io/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asker {
    struct asker *next;
    reload_told *told;
    void *ctx;
    json_t *accept; /* NULL: a reload */
};

/* One reload from the reading of the configuration to the telling of its result. */
struct run {
    struct epoch *epoch; /* read, not yet control's; NULL: the current one stays */
    struct diag_list findings;
    json_t *changes;
    struct loaded_zone *loaded; /* for the new epoch, one a zone that was read */
    uint32_t read;              /* zones read again */
    uint32_t taken;             /* of them in `loaded` */
    bool refused, retargeted;
    int err;
};

struct reload {
    struct state *state;
    struct asker *waiting, **waiting_last; /* in the order they came */
    struct asker *asking;                  /* those the current run is for */
    bool under_way;
    struct run run;
    json_t *last;
};

static void next(struct reload *reload);

int reload_new(struct state *state, struct reload **ret_reload)
{
    struct reload *reload = mem_new_zero(state->alloc, 1, sizeof(*reload));
    if (!reload) {
        return ERR_NOMEM;
    }
    reload->state = state;
    reload->waiting_last = &reload->waiting;
    *ret_reload = reload;
    return ERR_OK;
}

static void asker_free(struct reload *reload, struct asker *asker)
{
    json_decref(asker->accept);
    mem_free(reload->state->alloc, asker);
}

void reload_free(struct reload *reload)
{
    if (!reload) {
        return;
    }
    while (reload->waiting) {
        struct asker *asker = reload->waiting;
        reload->waiting = asker->next;
        asker_free(reload, asker);
    }
    json_decref(reload->last);
    mem_free(reload->state->alloc, reload);
}

bool reload_is_under_way(const struct reload *reload)
{
    return reload->under_way;
}

const json_t *reload_last(const struct reload *reload)
{
    return reload->last;
}

static json_t *held_zones(const struct state *state)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < control_zone_count(state->control); i++) {
        struct zone_status status;
        if (control_zone_status(state->control, i, &status) == ERR_OK && status.held) {
            json_array_append_new(list, zone_to_json(&status, &state->epoch->config->desired));
        }
    }
    return list;
}

static json_t *result_json(const struct reload *reload, const char *result)
{
    const struct state *state = reload->state;
    const struct run *run = &reload->run;
    const struct snapshot *current = publish_current(state->publish);
    json_t *held = held_zones(state);
    bool ok = !run->refused && run->findings.errors == 0 && json_array_size(held) == 0;
    return json_pack("{s:b, s:s, s:I, s:o, s:o, s:O?, s:o, s:I, s:I}", "ok", (int)ok, "result",
                     result, "read", (json_int_t)run->read, "findings",
                     diags_to_json(&run->findings), "held", held, "changes", run->changes, "at",
                     wall_to_json(clock_wall()), "revision",
                     (json_int_t)(current ? current->revision : 0), "generation",
                     (json_int_t)(current ? current->generation : 0));
}

/* Tells everybody whom this run was for, and goes on with what was asked meanwhile. */
static void finish(struct reload *reload, const char *result)
{
    json_t *json = result_json(reload, result);
    while (reload->asking) {
        struct asker *asker = reload->asking;
        reload->asking = asker->next;
        if (asker->told) {
            asker->told(asker->ctx, json);
        }
        asker_free(reload, asker);
    }
    json_decref(reload->last);
    reload->last = json;
    diag_deinit(&reload->run.findings);
    json_decref(reload->run.changes);
    reload->run = (struct run){0};
    reload->under_way = false;
    if (!reload->state->stopping) {
        next(reload);
    }
}

static void refuse(struct reload *reload, int err)
{
    struct run *run = &reload->run;
    if (run->findings.errors == 0) {
        diag_add(&run->findings, SEVERITY_ERROR,
                 (struct place){.file = reload->state->options->config}, NULL, "cannot reload: %s",
                 error_text(err));
    }
    run->refused = true;
    epoch_drop(reload->state, run->epoch);
    run->epoch = NULL;
    log_diags(&run->findings);
    log_error("reload refused; everything stays as it was");
    status_notify(reload->state, "reload refused");
    finish(reload, "refused");
}

static void note_changes(struct reload *reload, const struct config *before,
                         const struct config *after)
{
    struct config_diff diff;
    if (config_diff(reload->state->alloc, before, after, &diff) == ERR_OK) {
        reload->run.changes = json_array();
        for (const struct config_change *at = diff.first; at; at = at->next) {
            json_array_append_new(reload->run.changes, json_text(at->text));
            log_info("%s%s", at->text, at->restart ? " (at the next start)" : "");
        }
        config_diff_warn(&diff, &reload->run.findings);
    }
    config_diff_deinit(&diff);
}

/* --- reading and taking over --- */

/* Listeners follow the snapshot: a query that comes in on a new one must meet the new views. */
static void reloaded(struct reload *reload)
{
    struct state *state = reload->state;
    state_publish(state);
    if (reload->run.retargeted) {
        server_retarget_commit(state->server);
    }
    uint32_t read = reload->run.read;
    log_info("reloaded, %u %s read, generation %llu", read, read == 1 ? "zone" : "zones",
             (unsigned long long)publish_current(state->publish)->generation);
    status_notify(state, NULL);
    finish(reload, "reloaded");
}

/* The configuration stays: each zone goes to control as it comes, and all become visible together.
 */
static int take_now(void *ctx, struct loaded_zone *loaded)
{
    struct reload *reload = ctx;
    return load_deliver(reload->state, loaded, &reload->run.findings);
}

/* A new configuration is judged together with what was read for it. */
static int take_aside(void *ctx, struct loaded_zone *loaded)
{
    struct run *run = &((struct reload *)ctx)->run;
    load_tell_lost(loaded, loaded->err);
    diag_move(&run->findings, &loaded->findings);
    run->loaded[run->taken++] = *loaded;
    loaded->content = (struct zone_content){0};
    loaded->files = (struct zone_files){0};
    diag_init(&loaded->findings, ((struct reload *)ctx)->state->alloc);
    return ERR_OK;
}

static void drop_loaded(struct reload *reload)
{
    struct run *run = &reload->run;
    for (uint32_t i = 0; i < run->taken; i++) {
        loaded_zone_deinit(reload->state->alloc, &run->loaded[i]);
    }
    mem_free(reload->state->alloc, run->loaded);
    run->loaded = NULL;
    run->taken = 0;
}

/* New configuration and new content in one step: control takes all of it or nothing. */
static int take_over(struct reload *reload)
{
    struct state *state = reload->state;
    struct run *run = &reload->run;
    uint32_t zones = run->epoch->config->desired.zone_count;
    const struct zone_content **contents = mem_new_zero(state->alloc, zones + 1, sizeof(void *));
    int err = contents ? ERR_OK : ERR_NOMEM;
    for (uint32_t i = 0; err == ERR_OK && i < run->taken; i++) {
        struct loaded_zone *loaded = &run->loaded[i];
        contents[loaded->zone] = loaded->err == ERR_OK ? &loaded->content : NULL;
    }
    if (err == ERR_OK) {
        err = state_configure(state, run->epoch, contents, &run->findings);
    }
    mem_free(state->alloc, contents);
    if (err != ERR_OK) {
        return err;
    }
    run->epoch = NULL;
    if (discovery_configure(state->discovery) != ERR_OK) {
        log_error("services of the configuration: %s", error_text(ERR_NOMEM));
    }
    for (uint32_t i = 0; i < run->taken; i++) {
        struct loaded_zone *loaded = &run->loaded[i];
        if (loaded->err != ERR_OK) {
            load_deliver_failure(state, loaded);
        }
        zone_files_move(state->alloc, &loaded->files, &state->epoch->files[loaded->zone]);
    }
    return ERR_OK;
}

static void on_loaded(void *ctx)
{
    struct reload *reload = ctx;
    struct run *run = &reload->run;
    /* A daemon that stops publishes nothing more: not all zones were read. */
    int err = reload->state->stopping ? ERR_BUSY : ERR_OK;
    if (run->epoch) {
        err = err == ERR_OK ? take_over(reload) : err;
        drop_loaded(reload);
        if (err != ERR_OK) {
            server_retarget_abort(reload->state->server);
        } else {
            log_diags(&run->findings);
        }
    }
    if (err != ERR_OK) {
        refuse(reload, err);
        return;
    }
    reloaded(reload);
}

/* Reads the zones that are new or whose files changed. */
static int load_changed(struct reload *reload)
{
    struct state *state = reload->state;
    struct run *run = &reload->run;
    const struct epoch *epoch = run->epoch ? run->epoch : state->epoch;
    uint32_t *zones = NULL, count = 0;
    int err = load_wanted(state, epoch, &zones, &count);
    if (err == ERR_OK && run->epoch) {
        run->loaded = mem_new_zero(state->alloc, (size_t)count + 1, sizeof(*run->loaded));
        err = run->loaded ? ERR_OK : ERR_NOMEM;
    }
    if (err == ERR_OK) {
        struct load_target target = {run->epoch ? take_aside : take_now, false, on_loaded, reload};
        run->read = count;
        err = load_start(state, &epoch->config->desired, zones, count, &target);
    }
    mem_free(state->alloc, zones);
    return err;
}

/* Opens what the new configuration listens on and reads its zones; nothing is visible yet. */
static int prepare(struct reload *reload)
{
    struct state *state = reload->state;
    struct run *run = &reload->run;
    struct config *config = run->epoch->config;
    int err = server_retarget_prepare(state->server, &config->desired, &run->findings);
    if (err != ERR_OK) {
        return err;
    }
    run->retargeted = true;
    err = epoch_prepare(state, run->epoch);
    if (err == ERR_OK) {
        note_changes(reload, state->epoch->config, config);
        err = load_changed(reload);
    }
    if (err != ERR_OK) {
        drop_loaded(reload);
        server_retarget_abort(state->server);
    }
    return err;
}

static bool is_same_text(const struct epoch *a, const struct epoch *b)
{
    return a->text && b->text && a->text_len == b->text_len &&
           memcmp(a->text, b->text, a->text_len) == 0;
}

static void on_config_read(void *ctx)
{
    struct reload *reload = ctx;
    struct run *run = &reload->run;
    int err = reload->state->stopping ? ERR_BUSY : run->err;
    if (err == ERR_OK && is_same_text(run->epoch, reload->state->epoch)) {
        epoch_drop(reload->state, run->epoch);
        run->epoch = NULL;
        log_diags(&run->findings);
    }
    if (err == ERR_OK) {
        err = run->epoch ? prepare(reload) : load_changed(reload);
    }
    if (err != ERR_OK) {
        refuse(reload, err);
    }
}

static void config_read_work(void *ctx)
{
    struct reload *reload = ctx;
    reload->run.err = read_config(reload->state, &reload->run.findings, &reload->run.epoch);
}

static void start_reload(struct reload *reload)
{
    log_info("reloading");
    notify_reloading();
    int err = reload->state->options->config
                  ? loop_job_start(reload->state->loop, config_read_work, on_config_read, reload)
                  : load_changed(reload); /* flags do not change */
    if (err != ERR_OK) {
        refuse(reload, err);
    }
}

/* Releases the zones of one "ZONE@SERIAL"; a zone may be held in several forms, one a view. */
static int accept_one(struct reload *reload, const char *text)
{
    struct state *state = reload->state;
    char zone[NAME_TEXT_MAX];
    uint8_t origin[NAME_MAX];
    const char *at = strrchr(text, '@');
    char *end = NULL;
    unsigned long serial = at ? strtoul(at + 1, &end, 10) : 0;
    size_t len = at ? (size_t)(at - text) : 0;
    if (!at || end == at + 1 || *end || serial > UINT32_MAX || len >= sizeof(zone)) {
        return ERR_INVALID;
    }
    memcpy(zone, text, len);
    zone[len] = 0;
    if (name_from_text(zone, NULL, origin) != ERR_OK) {
        return ERR_INVALID;
    }
    int result = ERR_NOT_FOUND;
    for (uint32_t i = 0; i < state->epoch->config->desired.zone_count; i++) {
        if (name_equal(state->epoch->config->desired.zones[i].origin, origin)) {
            int err = control_accept(state->control, i, (uint32_t)serial, clock_wall(),
                                     &reload->run.findings);
            result = err == ERR_NOT_FOUND ? result : err;
        }
    }
    return result;
}

static void run_accept(struct reload *reload, const json_t *accept)
{
    size_t i;
    const json_t *item;
    struct diag_list *findings = &reload->run.findings;
    unsigned released = 0;
    json_array_foreach(accept, i, item)
    {
        const char *text = json_string_value(item);
        int err = text ? accept_one(reload, text) : ERR_INVALID;
        if (err == ERR_INVALID) {
            diag_add(findings, SEVERITY_ERROR, (struct place){0},
                     "write it as 'horizon status' shows it", "'%s' is not ZONE@SERIAL",
                     text ? text : "?");
        } else if (err == ERR_NOT_FOUND) {
            diag_add(findings, SEVERITY_ERROR, (struct place){0},
                     "'horizon status' shows what is held", "nothing is held as %s", text);
        } else if (err != ERR_OK) {
            diag_add(findings, SEVERITY_ERROR, (struct place){0}, NULL, "%s: %s", text,
                     error_text(err));
        } else {
            log_info("held reload %s released", text);
            released++;
        }
    }
    state_publish(reload->state);
    reload->run.refused = findings->errors > 0;
    log_diags(findings);
    finish(reload, !reload->run.refused ? "accepted" : released ? "partly accepted" : "refused");
}

/* Starts what was asked first: one acceptance, or one reload for all that wait for one. */
static void next(struct reload *reload)
{
    struct asker *first = reload->waiting;
    if (!first || reload->under_way) {
        return;
    }
    reload->under_way = true;
    diag_init(&reload->run.findings, reload->state->alloc);
    struct asker **taken = &reload->asking;
    for (struct asker **link = &reload->waiting; *link;) {
        struct asker *asker = *link;
        if (asker == first || (!first->accept && !asker->accept)) {
            *link = asker->next;
            asker->next = NULL;
            *taken = asker;
            taken = &asker->next;
        } else {
            link = &asker->next;
        }
    }
    reload->waiting_last = &reload->waiting;
    while (*reload->waiting_last) {
        reload->waiting_last = &(*reload->waiting_last)->next;
    }
    /* What it will need to become visible; later there is no way back. */
    int err = publish_reserve(reload->state->publish);
    if (err != ERR_OK) {
        refuse(reload, err);
    } else if (first->accept) {
        run_accept(reload, first->accept);
    } else {
        start_reload(reload);
    }
}

static int ask(struct reload *reload, json_t *accept, reload_told *told, void *ctx)
{
    struct asker *asker = mem_new_zero(reload->state->alloc, 1, sizeof(*asker));
    if (!asker) {
        json_decref(accept);
        return ERR_NOMEM;
    }
    *asker = (struct asker){.told = told, .ctx = ctx, .accept = accept};
    *reload->waiting_last = asker;
    reload->waiting_last = &asker->next;
    next(reload);
    return ERR_OK;
}

int reload_ask(struct reload *reload, reload_told *told, void *ctx)
{
    return ask(reload, NULL, told, ctx);
}

int reload_accept(struct reload *reload, const json_t *held, reload_told *told, void *ctx)
{
    return ask(reload, json_deep_copy(held), told, ctx);
}
