/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/load.h"

#include "api/json_text.h"
#include "base/error.h"
#include "daemon/log.h"
#include "io/clock.h"
#include "source/zonefile.h"

#include <stdio.h>
#include <string.h>

struct load {
    struct state *state;
    const struct desired *desired;
    uint32_t *zones;
    uint32_t count, next, under_way;
    struct load_target target;
};

/* One zone: the pool reads, the control thread takes over. */
struct load_job {
    struct load *load;
    struct loaded_zone loaded;
    bool early;
};

void loaded_zone_deinit(const struct alloc *alloc, struct loaded_zone *loaded)
{
    zone_content_deinit(&loaded->content);
    zone_files_deinit(alloc, &loaded->files);
    diag_deinit(&loaded->findings);
}

static void job_read(void *ctx)
{
    struct load_job *job = ctx;
    struct loaded_zone *loaded = &job->loaded;
    const struct alloc *alloc = job->load->state->alloc;
    struct wall began = clock_wall();
    loaded->err = zone_files_begin(alloc, loaded->desired, began, &loaded->files);
    if (loaded->err == ERR_OK) {
        loaded->err =
            zonefile_load(alloc, loaded->desired, job->early, &loaded->content, &loaded->findings);
    }
    if (loaded->err == ERR_OK) {
        zone_files_end(alloc, &loaded->content, began, &loaded->files);
    }
    if (loaded->err != ERR_OK && loaded->findings.errors == 0) {
        diag_add(&loaded->findings, SEVERITY_ERROR, (struct place){.file = loaded->desired->file},
                 NULL, "zone not loaded: %s", error_text(loaded->err));
    }
}

static void load_more(struct load *load);

static void job_done(void *ctx);

/* The same zone once more, whole before it is handed over. false: without memory it stays unread.
 */
static bool job_again(struct load_job *job)
{
    struct load *load = job->load;
    struct loaded_zone *loaded = &job->loaded;
    loaded_zone_deinit(load->state->alloc, loaded);
    *loaded = (struct loaded_zone){.zone = loaded->zone, .desired = loaded->desired};
    diag_init(&loaded->findings, load->state->alloc);
    job->early = false;
    int err = loop_job_start(load->state->loop, job_read, job_done, job);
    if (err == ERR_OK) {
        load->under_way++;
        return true;
    }
    loaded->err = err;
    load->target.take(load->target.ctx, loaded);
    return false;
}

static void job_done(void *ctx)
{
    struct load_job *job = ctx;
    struct load *load = job->load;
    load->under_way--;
    if (!load->state->stopping && load->target.take(load->target.ctx, &job->loaded) == ERR_AGAIN &&
        job_again(job)) {
        return;
    }
    loaded_zone_deinit(load->state->alloc, &job->loaded);
    mem_free(load->state->alloc, job);
    load_more(load);
}

/* Starts one more; without memory for it the zone is handed over as failed. */
static void load_one(struct load *load, uint32_t zone)
{
    struct state *state = load->state;
    struct loaded_zone loaded = {.zone = zone, .desired = &load->desired->zones[zone]};
    diag_init(&loaded.findings, state->alloc);
    struct load_job *job = mem_new(state->alloc, sizeof(*job));
    int err = ERR_NOMEM;
    if (job) {
        *job = (struct load_job){.load = load, .loaded = loaded, .early = load->target.early};
        diag_init(&job->loaded.findings, state->alloc);
        err = loop_job_start(state->loop, job_read, job_done, job);
    }
    if (err == ERR_OK) {
        load->under_way++;
        return;
    }
    mem_free(state->alloc, job);
    loaded.err = err;
    diag_add(&loaded.findings, SEVERITY_ERROR, (struct place){.file = loaded.desired->file}, NULL,
             "zone not loaded: %s", error_text(err));
    load->target.take(load->target.ctx, &loaded);
    loaded_zone_deinit(state->alloc, &loaded);
}

static void load_more(struct load *load)
{
    while (load->next < load->count && load->under_way < LIMIT_LOADING && !load->state->stopping) {
        load_one(load, load->zones[load->next++]);
    }
    if (load->under_way == 0) {
        struct load_target target = load->target;
        mem_free(load->state->alloc, load->zones);
        mem_free(load->state->alloc, load);
        target.done(target.ctx);
    }
}

int load_start(struct state *state, const struct desired *desired, const uint32_t *zones,
               uint32_t count, const struct load_target *target)
{
    struct load *load = mem_new(state->alloc, sizeof(*load));
    uint32_t *copy = mem_new(state->alloc, count * sizeof(*copy));
    if (!load || !copy) {
        mem_free(state->alloc, load);
        mem_free(state->alloc, copy);
        return ERR_NOMEM;
    }
    if (count) {
        memcpy(copy, zones, count * sizeof(*copy));
    }
    *load = (struct load){
        .state = state,
        .desired = desired,
        .zones = copy,
        .count = count,
        .target = *target,
    };
    load_more(load);
    return ERR_OK;
}

/* The first error of a list as one text: why the zone is not served. */
static void first_error(const struct loaded_zone *loaded, char *out, size_t size)
{
    const struct diag *diag = loaded->findings.first;
    while (diag && diag->severity != SEVERITY_ERROR) {
        diag = diag->next;
    }
    if (!diag) {
        snprintf(out, size, "%s", error_text(loaded->err));
    } else if (diag->place.file && diag->place.line) {
        snprintf(out, size, "%s:%u: %s", diag->place.file, diag->place.line, diag->text);
    } else {
        snprintf(out, size, "%s", diag->text);
    }
    text_cut_whole(out);
}

void load_deliver_failure(struct state *state, struct loaded_zone *loaded)
{
    char problem[1024];
    first_error(loaded, problem, sizeof(problem));
    control_zone_failed(state->control, loaded->zone, problem);
}

void load_tell_lost(const struct loaded_zone *loaded, int err)
{
    const struct diag *diag = loaded->findings.first;
    while (diag && (diag->severity != SEVERITY_ERROR || !diag->place.file)) {
        diag = diag->next;
    }
    if (err != ERR_OK && err != ERR_HELD && !diag) {
        log_error("%s: zone not loaded: %s", loaded->desired->file, error_text(err));
    }
}

int load_deliver(struct state *state, struct loaded_zone *loaded, struct diag_list *findings)
{
    int err = loaded->err;
    if (err == ERR_OK) {
        err = control_zone_loaded(state->control, loaded->zone, &loaded->content, clock_wall(),
                                  &loaded->findings);
        if (err == ERR_AGAIN) {
            return err;
        }
        if (err != ERR_OK && err != ERR_HELD && loaded->findings.errors == 0) {
            diag_add(&loaded->findings, SEVERITY_ERROR,
                     (struct place){.file = loaded->desired->file}, NULL, "zone not loaded: %s",
                     error_text(err));
        }
    } else {
        load_deliver_failure(state, loaded);
    }
    zone_files_move(state->alloc, &loaded->files, &state->epoch->files[loaded->zone]);
    log_diags(&loaded->findings);
    load_tell_lost(loaded, err);
    diag_move(findings, &loaded->findings);
    return ERR_OK;
}

/* `old` is the zone's index in the current configuration, or ZONE_FILES_NONE. */
static bool is_wanted(const struct state *state, const struct desired_zone *zone, uint32_t old)
{
    struct zone_status status;
    if (old == ZONE_FILES_NONE || control_zone_status(state->control, old, &status) != ERR_OK ||
        status.state == ZONE_UNLOADED || status.state == ZONE_STALE) {
        return true;
    }
    return zone_files_changed(&state->epoch->files[old], zone);
}

int load_wanted(const struct state *state, const struct epoch *epoch, uint32_t **ret_zones,
                uint32_t *ret_count)
{
    const struct desired *desired = &epoch->config->desired;
    uint32_t *zones = mem_new(state->alloc, desired->zone_count * sizeof(*zones));
    uint32_t *old = mem_new(state->alloc, desired->zone_count * sizeof(*old));
    int err = zones && old ? ERR_OK : ERR_NOMEM;
    if (err == ERR_OK) {
        err = zone_files_match(state->alloc, desired, &state->epoch->config->desired, old);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; err == ERR_OK && i < desired->zone_count; i++) {
        if (is_wanted(state, &desired->zones[i], old[i])) {
            zones[count++] = i;
        }
    }
    mem_free(state->alloc, old);
    if (err != ERR_OK) {
        mem_free(state->alloc, zones);
        return err;
    }
    *ret_zones = zones;
    *ret_count = count;
    return ERR_OK;
}
