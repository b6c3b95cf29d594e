/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/load.h"

#include "base/error.h"
#include "daemon/log.h"
#include "io/clock.h"
#include "source/zonefile.h"

#include <string.h>

struct load {
    struct state *state;
    uint32_t *zones;
    uint32_t count, next, under_way;
    struct diag_list *findings;
    load_done *done;
    void *ctx;
};

/* One zone: the pool reads, the control thread takes over. */
struct load_job {
    struct load *load;
    uint32_t zone;
    const struct desired_zone *desired;
    struct zone_files files;
    struct zone_content content;
    struct diag_list diags;
    int err;
};

static void job_free(struct load_job *job)
{
    const struct alloc *alloc = job->load->state->alloc;
    zone_content_deinit(&job->content);
    zone_files_deinit(alloc, &job->files);
    diag_deinit(&job->diags);
    mem_free(alloc, job);
}

static void job_read(void *ctx)
{
    struct load_job *job = ctx;
    const struct alloc *alloc = job->load->state->alloc;
    struct wall began = clock_wall();
    job->err = zone_files_begin(alloc, job->desired, began, &job->files);
    if (job->err == ERR_OK) {
        job->err = zonefile_load(alloc, job->desired, &job->content, &job->diags);
    }
    if (job->err == ERR_OK) {
        zone_files_end(alloc, &job->content, began, &job->files);
    }
}

/* The first error of a list as one text: why the zone is not served. */
static void first_error(const struct diag_list *diags, int err, char *out, size_t size)
{
    const struct diag *diag = diags->first;
    while (diag && diag->severity != SEVERITY_ERROR) {
        diag = diag->next;
    }
    if (!diag) {
        snprintf(out, size, "%s", error_text(err));
    } else if (diag->place.file && diag->place.line) {
        snprintf(out, size, "%s:%u: %s", diag->place.file, diag->place.line, diag->text);
    } else {
        snprintf(out, size, "%s", diag->text);
    }
}

static void job_deliver(struct load_job *job)
{
    struct state *state = job->load->state;
    int err = job->err;
    if (err == ERR_OK) {
        err = control_zone_loaded(state->control, job->zone, &job->content, clock_wall(),
                                  &job->diags);
    } else {
        char problem[1024];
        first_error(&job->diags, err, problem, sizeof(problem));
        control_zone_failed(state->control, job->zone, problem);
    }
    if (err != ERR_OK && err != ERR_HELD && job->diags.errors == 0) {
        diag_add(&job->diags, SEVERITY_ERROR, (struct place){.file = job->desired->file}, NULL,
                 "zone not loaded: %s", error_text(err));
    }
    struct zone_files *kept = &state->epoch->files[job->zone];
    zone_files_deinit(state->alloc, kept);
    *kept = job->files;
    job->files = (struct zone_files){0};
    log_diags(&job->diags);
    diag_move(job->load->findings, &job->diags);
}

static void load_more(struct load *load);

static void job_done(void *ctx)
{
    struct load_job *job = ctx;
    struct load *load = job->load;
    load->under_way--;
    if (!load->state->stopping) {
        job_deliver(job);
    }
    job_free(job);
    load_more(load);
}

/* Starts one more; without memory for it the zone is reported and passed over. */
static void load_one(struct load *load, uint32_t zone)
{
    struct state *state = load->state;
    struct load_job *job = mem_new_zero(state->alloc, 1, sizeof(*job));
    int err = ERR_NOMEM;
    if (job) {
        job->load = load;
        job->zone = zone;
        job->desired = &state->epoch->config->desired.zones[zone];
        diag_init(&job->diags, state->alloc);
        err = loop_job_start(state->loop, job_read, job_done, job);
    }
    if (err == ERR_OK) {
        load->under_way++;
        return;
    }
    if (job) {
        diag_deinit(&job->diags);
        mem_free(state->alloc, job);
    }
    control_zone_failed(state->control, zone, error_text(err));
    diag_add(load->findings, SEVERITY_ERROR,
             (struct place){.file = state->epoch->config->desired.zones[zone].file}, NULL,
             "zone not loaded: %s", error_text(err));
}

static void load_more(struct load *load)
{
    while (load->next < load->count && load->under_way < LIMIT_LOADING && !load->state->stopping) {
        load_one(load, load->zones[load->next++]);
    }
    if (load->under_way == 0) {
        load_done *done = load->done;
        void *ctx = load->ctx;
        mem_free(load->state->alloc, load->zones);
        mem_free(load->state->alloc, load);
        done(ctx);
    }
}

int load_start(struct state *state, const uint32_t *zones, uint32_t count,
               struct diag_list *findings, load_done *done, void *ctx)
{
    struct load *load = mem_new_zero(state->alloc, 1, sizeof(*load));
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
        .zones = copy,
        .count = count,
        .findings = findings,
        .done = done,
        .ctx = ctx,
    };
    load_more(load);
    return ERR_OK;
}

static bool is_wanted(const struct state *state, uint32_t zone)
{
    struct zone_status status;
    if (control_zone_status(state->control, zone, &status) != ERR_OK ||
        status.state == ZONE_UNLOADED || status.state == ZONE_STALE) {
        return true;
    }
    return zone_files_changed(&state->epoch->files[zone],
                              &state->epoch->config->desired.zones[zone]);
}

int load_wanted(const struct state *state, uint32_t **ret_zones, uint32_t *ret_count)
{
    uint32_t total = state->epoch->config->desired.zone_count, count = 0;
    uint32_t *zones = mem_new(state->alloc, total * sizeof(*zones));
    if (!zones) {
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < total; i++) {
        if (is_wanted(state, i)) {
            zones[count++] = i;
        }
    }
    *ret_zones = zones;
    *ret_count = count;
    return ERR_OK;
}
