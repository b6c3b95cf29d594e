/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/image.h"

#include "api/json_text.h"
#include "api/zones.h"
#include "base/error.h"
#include "daemon/log.h"
#include "daemon/reload.h"
#include "io/clock.h"
#include "store/image_file.h"

#include <stdio.h>
#include <string.h>

enum {
    REST_MS = 1000,       /* changes that come together are written together */
    READ_FIRST_MS = 1000, /* after a refused reading of the zone files; then twice that, ... */
    READ_MOST_MS = 60000,
    SETTLE_TICK_MS = 2, /* between two large pages: a start has better things to do */
};

struct image {
    struct state *state;
    struct image_folder folder;
    struct image_view view; /* until it was restored */
    struct loop_timer *write_timer, *settle_timer, *read_timer;
    int64_t read_wait_ms;
    struct duration interval;
    bool ready, under_way;
    uint64_t revision;   /* that the file on disk shows */
    struct mono allowed; /* the earliest next write */
    /* A write under way: */
    struct image_plan *plan;
    uint64_t plan_revision;
    struct wall plan_time;
    int err;
    size_t new_bytes;
    /* To tell: */
    uint32_t restored;
    struct wall written_at; /* 0: there is none */
    size_t bytes;
    int last_err;
};

static void on_write_due(void *ctx);
static void on_settle_due(void *ctx);
static void on_read_due(void *ctx);

/* --- starting -----------------------------------------------------------------------------------
 */

/* Puts the trees of the image below control. */
static int view_map(struct image *image)
{
    struct state *state = image->state;
    const struct image_parts *parts = &image->view.parts;
    int err = memory_map(&state->memory, image->view.fd, IMAGE_TREES_AT, parts->tree_bytes);
    err =
        err == ERR_OK ? state_commit(state, state->memory.committed) : err; /* the ledger's part */
    if (err == ERR_OK) {
        control_adopt(state->control, parts, state->memory.committed);
        state->ledger.restored_s = ledger_second(&state->ledger, clock_mono());
    }
    return err;
}

static void view_find(struct image *image, struct diag_list *findings)
{
    int err = image_view_open(&image->folder, &image->view, findings);
    if (err == ERR_NOT_FOUND) {
        return;
    }
    if (err == ERR_OK) {
        err = view_map(image);
        if (err != ERR_OK) {
            diag_add(findings, SEVERITY_WARNING, (struct place){.file = image->folder.path}, NULL,
                     "the image is not used: %s", error_text(err));
            image_view_close(&image->view);
        }
    }
    image->written_at = image->view.written_at;
    image->bytes = image->view.bytes;
}

int image_new(struct state *state, const struct config *config, struct diag_list *findings,
              struct image **ret_image)
{
    if (!config->data) {
        return ERR_OK;
    }
    struct image *image = mem_new_zero(state->alloc, 1, sizeof(*image));
    if (!image) {
        return ERR_NOMEM;
    }
    image->state = state;
    image->read_wait_ms = READ_FIRST_MS;
    image->interval = duration_from_ms(config->image_interval_ms);
    image->folder.fd = image->view.fd = -1;
    image->last_err = image_folder_open(state->alloc, config->data, &image->folder, findings);
    int err = loop_timer_new(state->loop, on_write_due, image, &image->write_timer);
    if (err == ERR_OK) {
        err = loop_timer_new(state->loop, on_settle_due, image, &image->settle_timer);
    }
    if (err == ERR_OK) {
        err = loop_timer_new(state->loop, on_read_due, image, &image->read_timer);
    }
    if (err != ERR_OK) {
        image_free(image);
        return err;
    }
    if (image->folder.fd >= 0) {
        view_find(image, findings);
    }
    *ret_image = image;
    return ERR_OK;
}

uint32_t image_restore(struct image *image)
{
    struct state *state = image->state;
    struct image_view *view = &image->view;
    struct diag_list findings;
    if (!view->data) {
        return 0;
    }
    diag_init(&findings, state->alloc);
    int err = control_restore(state->control, image_view_list(view), view->parts.list_bytes,
                              &findings, &image->restored);
    log_diags(&findings);
    diag_deinit(&findings);
    if (err != ERR_OK) {
        log_warning("%s: not all of the image could be used: %s", image->folder.path,
                    error_text(err));
    }
    if (image->restored > 0) {
        json_t *when = wall_to_json(view->written_at);
        log_info("%u %s served from the image of %s; reading what is newer", image->restored,
                 image->restored == 1 ? "zone is" : "zones are", json_string_value(when));
        json_decref(when);
    }
    image_view_close(view);
    return image->restored;
}

static void on_settle_due(void *ctx)
{
    struct image *image = ctx;
    bool more;
    if (memory_settle(&image->state->memory, &more) != ERR_OK || more) {
        loop_timer_start(image->settle_timer, duration_from_ms(SETTLE_TICK_MS));
    }
}

static void read_later(struct image *image)
{
    loop_timer_start(image->read_timer, duration_from_ms(image->read_wait_ms));
    image->read_wait_ms =
        image->read_wait_ms * 2 > READ_MOST_MS ? READ_MOST_MS : image->read_wait_ms * 2;
}

static void on_read(void *ctx, const json_t *result)
{
    struct image *image = ctx;
    const char *word = json_string_value(json_object_get(result, "result"));
    if (!image->state->stopping && (!word || strcmp(word, "reloaded") != 0)) {
        read_later(image);
    }
}

/* The zone files behind the answers, until a reload did come to its end. */
static void on_read_due(void *ctx)
{
    struct image *image = ctx;
    if (reload_ask(image->state->reload, on_read, image) != ERR_OK) {
        log_error("no memory to read the zone files; trying again");
        read_later(image);
    }
}

void image_ready(struct image *image)
{
    const struct snapshot *current = publish_current(image->state->publish);
    if (image->restored > 0) {
        image->revision = current ? current->revision : 0; /* what the file says already */
        on_read_due(image);
    }
    on_settle_due(image);
    image->ready = true;
    image_note(image);
}

/* --- writing ------------------------------------------------------------------------------------
 */

static bool is_due(const struct image *image)
{
    const struct snapshot *current = publish_current(image->state->publish);
    return image->ready && image->folder.fd >= 0 && current && current->revision != image->revision;
}

/* Tells about a failure once, and about the end of it. */
static void write_told(struct image *image, int err)
{
    if (err != ERR_OK && err != image->last_err) {
        log_warning("%s: the image of the zones cannot be written: %s; a start would use the one "
                    "before",
                    image->folder.path, error_text(err));
    } else if (err == ERR_OK && image->last_err != ERR_OK) {
        log_info("%s: the image of the zones is written again", image->folder.path);
    }
    image->last_err = err;
}

static int write_begin(struct image *image)
{
    struct state *state = image->state;
    image->plan_revision = publish_current(state->publish)->revision;
    image->plan_time = clock_wall();
    return control_image_begin(state->control, &image->plan);
}

/* Any thread. */
static void write_work(void *ctx)
{
    struct image *image = ctx;
    struct image_file file;
    struct image_parts parts;
    size_t bytes = image_plan_bytes(image->plan);
    image->err = image_file_begin(&image->folder, bytes, &file);
    if (image->err != ERR_OK) {
        return;
    }
    image->err = image_plan_write(image->plan, image_file_out(&file), bytes, &parts);
    if (image->err == ERR_OK) {
        image->err = image_file_commit(&file, &parts, image->plan_time, &image->new_bytes);
    } else {
        image_file_abort(&file);
    }
}

static void write_end(struct image *image)
{
    control_image_end(image->state->control, image->plan);
    image->plan = NULL;
    if (image->err == ERR_OK) {
        image->revision = image->plan_revision;
        image->written_at = image->plan_time;
        image->bytes = image->new_bytes;
    }
    write_told(image, image->err);
}

static void on_written(void *ctx)
{
    struct image *image = ctx;
    image->under_way = false;
    write_end(image);
    image->allowed = mono_add(clock_mono(), image->interval);
    image_note(image);
}

static void on_write_due(void *ctx)
{
    struct image *image = ctx;
    if (image->under_way || !is_due(image)) {
        return;
    }
    /* The server that had the folder may have ended since. */
    int err = image->folder.locked ? ERR_OK : image_folder_lock(&image->folder);
    if (err == ERR_OK) {
        err = write_begin(image);
    }
    if (err == ERR_OK) {
        err = loop_job_start(image->state->loop, write_work, on_written, image);
        if (err != ERR_OK) {
            control_image_end(image->state->control, image->plan);
            image->plan = NULL;
        }
    }
    image->under_way = err == ERR_OK;
    if (err != ERR_OK) {
        write_told(image, err);
        loop_timer_start(image->write_timer, image->interval);
    }
}

void image_note(struct image *image)
{
    if (image->under_way || !is_due(image)) {
        return;
    }
    struct mono now = clock_mono();
    struct duration wait = duration_from_ms(REST_MS);
    if (mono_before(mono_add(now, wait), image->allowed)) {
        wait = mono_since(image->allowed, now);
    }
    loop_timer_start(image->write_timer, wait);
}

bool image_is_under_way(const struct image *image)
{
    return image->under_way;
}

void image_free(struct image *image)
{
    if (!image) {
        return;
    }
    if (is_due(image) && image->folder.locked && write_begin(image) == ERR_OK) {
        write_work(image);
        write_end(image);
    }
    loop_timer_free(image->write_timer);
    loop_timer_free(image->settle_timer);
    loop_timer_free(image->read_timer);
    image_view_close(&image->view);
    image_folder_close(image->state->alloc, &image->folder);
    mem_free(image->state->alloc, image);
}

json_t *image_to_json(const struct image *image)
{
    if (!image) {
        return json_null();
    }
    json_t *json = json_pack(
        "{s:o, s:I, s:I, s:o}", "folder", json_text(image->folder.path), "bytes",
        (json_int_t)image->bytes, "restored", (json_int_t)image->restored, "error",
        image->last_err == ERR_OK ? json_null() : json_string(error_text(image->last_err)));
    json_object_set_new(json, "written_at",
                        image->written_at.ns ? wall_to_json(image->written_at) : json_null());
    return json;
}
