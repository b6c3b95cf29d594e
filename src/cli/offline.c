/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/offline.h"

#include "api/http.h"
#include "base/error.h"
#include "cli/print.h"
#include "config/scope.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/memory.h"
#include "source/zonefile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLAB_MOST_BYTES ((size_t)32 << 30)
#define SLAB_LEAST_BYTES ((size_t)64 << 20)

struct offline {
    const struct alloc *alloc;
    struct diag_list findings;
    struct config *config;
    struct scope *scope;
    struct memory memory;
    struct control *control;
    struct snapshot *snapshot;
    bool flags_are_wrong; /* there is no configuration because of the command line alone */
};

bool offline_wanted(const struct call *call)
{
    return call_has(call, OPT_CONFIG) || call_has(call, OPT_ZONE);
}

static bool can_be_read(void *ctx, const char *path)
{
    (void)ctx;
    return access(path, R_OK) == 0;
}

static int read_file(struct offline *offline, const char *file)
{
    char *text = NULL;
    size_t len = 0;
    int err = file_read(offline->alloc, file, LIMIT_CONFIG_BYTES, &text, &len);
    if (err != ERR_OK) {
        config_file_fault(&offline->findings, file, err);
        return err;
    }
    err = config_parse_and_check(offline->alloc, file, text, len, can_be_read, NULL,
                                 &offline->findings, &offline->config);
    mem_free(offline->alloc, text);
    return err;
}

/* Without --listen there is one listener, so that a client has something to ask. */
static int read_flags(struct offline *offline, const struct call *call)
{
    const char **words = calloc(2 * ((size_t)call->value_count + 2), sizeof(*words));
    if (!words) {
        return ERR_NOMEM;
    }
    const char **zones = words + call->value_count + 2;
    unsigned listen_count = call_options(call, OPT_LISTEN, words);
    unsigned zone_count = call_options(call, OPT_ZONE, zones);
    if (listen_count == 0) {
        words[listen_count++] = "127.0.0.1:53";
    }
    int err = config_from_flags(offline->alloc, words, listen_count, zones, zone_count,
                                &offline->findings, &offline->config);
    free(words);
    offline->flags_are_wrong = err == ERR_INVALID;
    if (err == ERR_OK) {
        config_check_files(offline->config, can_be_read, NULL, &offline->findings);
    }
    return err;
}

static bool has_its_files(const struct desired_zone *zone)
{
    bool has = !zone->file || can_be_read(NULL, zone->file);
    for (uint32_t i = 0; i < zone->overlay_count; i++) {
        const char *file = zone->overlays[i].file;
        has = has && (!file || can_be_read(NULL, file));
    }
    return has;
}

static void load_zone(struct offline *offline, uint32_t zone)
{
    const struct desired_zone *desired = &offline->config->desired.zones[zone];
    if (!has_its_files(desired)) { /* the finding is there, at the place that names the file */
        control_zone_failed(offline->control, zone, "it could not be read");
        return;
    }
    struct zone_content content = {0};
    uint32_t before = offline->findings.errors;
    int err = zonefile_load(offline->alloc, desired, false, &content, &offline->findings);
    if (err == ERR_OK) {
        err =
            control_zone_loaded(offline->control, zone, &content, clock_wall(), &offline->findings);
        zone_content_deinit(&content);
    } else {
        control_zone_failed(offline->control, zone, "it could not be read");
    }
    if (err != ERR_OK && offline->findings.errors == before) {
        diag_add(&offline->findings, SEVERITY_ERROR, (struct place){.file = desired->file}, NULL,
                 "zone not loaded: %s", error_text(err));
    }
}

static int make_control(struct offline *offline)
{
    int err = memory_reserve(&offline->memory, SLAB_MOST_BYTES, SLAB_LEAST_BYTES);
    if (err == ERR_OK) {
        struct slab_backing backing = {
            .base = offline->memory.base,
            .reserved = offline->memory.reserved,
            .commit = memory_commit,
            .ctx = &offline->memory,
        };
        err = control_new(offline->alloc, &backing, &offline->control);
    }
    return err == ERR_OK ? scope_new(offline->alloc, offline->config, &offline->scope) : err;
}

static int compile(struct offline *offline)
{
    int err = make_control(offline);
    if (err == ERR_OK) {
        struct control_limits limits = {
            .hold_removed_percent = offline->config->hold_removed_percent,
            .hold_removed_names = offline->config->hold_removed_names,
        };
        err = control_configure(offline->control, &offline->config->desired, offline->scope,
                                &limits, &offline->findings);
    }
    for (uint32_t i = 0; err == ERR_OK && i < offline->config->desired.zone_count; i++) {
        load_zone(offline, i);
    }
    if (err == ERR_OK) {
        offline->snapshot = control_take_snapshot(offline->control);
        err = offline->snapshot ? ERR_OK : ERR_NOMEM;
    }
    return err;
}

/* ERR_INVALID when the configuration itself is broken; findings say why. */
static int bring_up(const struct call *call, const char *file, struct offline *offline)
{
    int err = file ? read_file(offline, file) : read_flags(offline, call);
    if (err == ERR_OK) {
        err = compile(offline);
    }
    if (err != ERR_OK && offline->findings.errors == 0) {
        diag_add(&offline->findings, SEVERITY_ERROR, (struct place){.file = file}, NULL, "%s",
                 error_text(err));
    }
    return err;
}

static int usual_file(const struct call *call, const char **file)
{
    if (*file || call_has(call, OPT_ZONE)) {
        return EXIT_DONE;
    }
    *file = "/etc/horizon/horizon.yaml";
    if (!can_be_read(NULL, *file)) {
        return print_usage(call->command, "%s needs a configuration: there is no %s",
                           call->command->name, *file);
    }
    return EXIT_DONE;
}

int offline_check(const struct call *call, const char *file, struct offline **ret_offline)
{
    int status = usual_file(call, &file);
    if (status != EXIT_DONE) {
        return status;
    }
    struct offline *offline = calloc(1, sizeof(*offline));
    if (!offline) {
        return print_failure("out of memory");
    }
    offline->alloc = &ALLOC_MALLOC;
    diag_init(&offline->findings, offline->alloc);
    bring_up(call, file, offline);
    *ret_offline = offline;
    return EXIT_DONE;
}

int offline_status(const struct offline *offline)
{
    return offline->findings.errors == 0 ? EXIT_DONE
           : offline->flags_are_wrong    ? EXIT_USAGE
                                         : EXIT_NO;
}

int offline_open(const struct call *call, const char *file, struct offline **ret_offline)
{
    struct offline *offline = NULL;
    int status = offline_check(call, file, &offline);
    if (!offline) {
        return status;
    }
    status = offline_status(offline);
    if (!offline->snapshot) {
        print_diags_as_error(status, &offline->findings);
        offline_free(offline);
        return status;
    }
    if (status != EXIT_DONE) {
        /* Where zones are missing the rest can be asked; but not in silence. */
        print_diags(stderr, &offline->findings);
    }
    *ret_offline = offline;
    return EXIT_DONE;
}

void offline_free(struct offline *offline)
{
    if (!offline) {
        return;
    }
    if (offline->snapshot) {
        control_retire(offline->control, offline->snapshot);
    }
    control_free(offline->control);
    scope_free(offline->alloc, offline->scope);
    config_free(offline->config);
    memory_release(&offline->memory);
    diag_deinit(&offline->findings);
    free(offline);
}

struct explain_world offline_world(const struct offline *offline)
{
    return (struct explain_world){
        .snapshot = offline->snapshot,
        .desired = &offline->config->desired,
        .control = offline->control,
    };
}

const struct config *offline_config(const struct offline *offline)
{
    return offline->snapshot ? offline->config : NULL;
}

struct diag_list *offline_findings(struct offline *offline)
{
    return &offline->findings;
}

static size_t count_words(const char *const *words)
{
    size_t count = 0;
    while (words[count]) {
        count++;
    }
    return count;
}

int offline_check_flags(const char *const *listens, const char *const *zones)
{
    struct diag_list findings;
    struct config *config = NULL;
    diag_init(&findings, &ALLOC_MALLOC);
    int err = config_from_flags(&ALLOC_MALLOC, listens, count_words(listens), zones,
                                count_words(zones), &findings, &config);
    int status = EXIT_DONE;
    if (err != ERR_OK) {
        status = err == ERR_INVALID ? EXIT_USAGE : EXIT_NO;
        print_diags_as_error(status, &findings);
    }
    config_free(config);
    diag_deinit(&findings);
    return status;
}

int offline_answer(const struct call *call, int err, const struct explain_refusal *refusal)
{
    if (err == ERR_OK) {
        return EXIT_DONE;
    }
    if (err != ERR_INVALID) {
        return print_failure("%s", error_text(err));
    }
    if (call_has(call, OPT_JSON)) {
        print_json(http_error_body(refusal->field, refusal->reason, refusal->mend));
        return EXIT_USAGE;
    }
    return print_usage(call->command, "%s: %s", refusal->reason, refusal->mend);
}
