/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a change costs: one name added, changed or removed among many, seen by 4 views, from the
 * call to the next snapshot with the replaced nodes given back. CPU time of the thread, one change
 * at a time.
 *
 *   view 0, 1   overlays on 1,000 names each        incremental [--names N] [--changes N] [--json]
 *   view 2      an overlay on every 10th name
 *   view 3      the base itself
 */
#include "base/error.h"
#include "base/random.h"
#include "control/control.h"
#include "dns/name.h"
#include "io/memory.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    VIEWS = 4,
    OVERLAYS = 3,
    FEW = 1000,
    EVERY = 10,
    TTL_S = 300
};

struct bench {
    uint32_t names, changes;
    bool json;
    uint8_t origin[NAME_MAX];
    struct random random;
    struct memory memory;
    struct control *control;
    struct snapshot *snapshot;
    double load_s;
    uint64_t live_bytes;
};

enum change_kind {
    CHANGE_ADD,
    CHANGE_SET,
    CHANGE_REMOVE,
    CHANGE_KINDS
};

static const char *const KIND_NAMES[CHANGE_KINDS] = {"add", "change", "remove"};

struct figures {
    double *us;
    uint32_t count;
};

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void must(int err, const char *what)
{
    if (err != ERR_OK) {
        fprintf(stderr, "incremental: %s: %s\n", what, error_text(err));
        exit(1);
    }
}

/* --- the zone ------------------------------------------------------------------------------------
 */

static void owner_of(const struct bench *bench, uint32_t index, uint8_t *out)
{
    char text[64];
    snprintf(text, sizeof(text), "host-%07u.rack%u", index, index % 97);
    must(name_from_text(text, bench->origin, out), "name");
}

static void add(struct records *list, const uint8_t *owner, uint16_t type, const void *rdata,
                uint16_t len)
{
    struct record record = {
        .owner = owner, .type = type, .rdata_len = len, .ttl = TTL_S, .line = 1, .rdata = rdata};
    must(records_append(list, &record), "record");
}

static void address_of(uint32_t index, uint8_t first, uint8_t out[4])
{
    out[0] = first;
    out[1] = (uint8_t)(index >> 16);
    out[2] = (uint8_t)(index >> 8);
    out[3] = (uint8_t)index;
}

static void base_fill(const struct bench *bench, struct records *list)
{
    static const uint8_t ns[] = "\2ns\7example\3com";
    uint8_t soa[2 * sizeof(ns) + 20] = {0}, owner[NAME_MAX], rdata[4];
    memcpy(soa, ns, sizeof(ns));
    memcpy(soa + sizeof(ns), ns, sizeof(ns));
    soa[2 * sizeof(ns) + 3] = 1;
    must(records_add_file(list, "bench.zone") < 0 ? ERR_NOMEM : ERR_OK, "file");
    add(list, bench->origin, TYPE_SOA, soa, sizeof(soa));
    add(list, bench->origin, TYPE_NS, ns, sizeof(ns));
    for (uint32_t i = 0; i < bench->names; i++) {
        owner_of(bench, i, owner);
        address_of(i, 52, rdata);
        add(list, owner, TYPE_A, rdata, sizeof(rdata));
    }
}

static void overlay_fill(const struct bench *bench, struct records *list, uint32_t step)
{
    uint8_t owner[NAME_MAX], rdata[4];
    must(records_add_file(list, "bench.overlay") < 0 ? ERR_NOMEM : ERR_OK, "file");
    for (uint32_t i = 0; i < bench->names; i += step) {
        owner_of(bench, i, owner);
        address_of(i, 10, rdata);
        add(list, owner, TYPE_A, rdata, sizeof(rdata));
    }
}

static void world_load(struct bench *bench, struct desired *desired, struct scope *scope)
{
    static struct control_limits limits = {.hold_removed_percent = 5, .hold_removed_names = 10};
    struct records overlays[OVERLAYS];
    struct zone_content content = {.overlays = overlays, .overlay_count = OVERLAYS};
    struct diag_list diags;
    struct slab_backing backing;
    uint32_t few = bench->names / FEW ? bench->names / FEW : 1;
    diag_init(&diags, &ALLOC_MALLOC);
    records_init(&content.base, &ALLOC_MALLOC);
    base_fill(bench, &content.base);
    for (uint32_t i = 0; i < OVERLAYS; i++) {
        records_init(&overlays[i], &ALLOC_MALLOC);
        overlay_fill(bench, &overlays[i], i == 2 ? EVERY : few);
    }
    must(memory_reserve(&bench->memory, (size_t)16 << 30, (size_t)1 << 30), "address space");
    backing = (struct slab_backing){.base = bench->memory.base,
                                    .reserved = bench->memory.reserved,
                                    .commit = memory_commit,
                                    .ctx = &bench->memory};
    must(control_new(&ALLOC_MALLOC, &backing, &bench->control), "control");
    must(control_configure(bench->control, desired, scope, &limits, &diags), "configure");
    double start = cpu_us();
    must(control_zone_loaded(bench->control, 0, &content, (struct wall){0}, &diags), "load");
    bench->snapshot = control_take_snapshot(bench->control);
    bench->load_s = (cpu_us() - start) / 1e6;
    records_deinit(&content.base);
    for (uint32_t i = 0; i < OVERLAYS; i++) {
        records_deinit(&overlays[i]);
    }
    diag_deinit(&diags);
}

/* --- changes -------------------------------------------------------------------------------------
 */

static double change_once(struct bench *bench, enum change_kind kind, uint32_t index)
{
    uint8_t owner[NAME_MAX], rdata[4];
    struct diag_list diags;
    owner_of(bench, index, owner);
    address_of((uint32_t)random_next(&bench->random), 54, rdata);
    struct draft_record record = {
        .rdata = rdata, .ttl = TTL_S, .type = TYPE_A, .len = sizeof(rdata)};
    diag_init(&diags, &ALLOC_MALLOC);
    double start = cpu_us();
    must(control_change_name(bench->control, 0, owner, &record, kind != CHANGE_REMOVE, &diags),
         "change");
    struct snapshot *next = control_take_snapshot(bench->control);
    must(next ? ERR_OK : ERR_NOMEM, "snapshot");
    control_retire(bench->control, bench->snapshot);
    double spent = cpu_us() - start;
    bench->snapshot = next;
    diag_deinit(&diags);
    return spent;
}

/* A third each: a new name, a name that is there, and the new name gone again. */
static void changes_run(struct bench *bench, struct figures figures[CHANGE_KINDS])
{
    for (uint32_t i = 0; i < bench->changes; i++) {
        uint32_t fresh = bench->names + (uint32_t)random_below(&bench->random, bench->names);
        uint32_t known = (uint32_t)random_below(&bench->random, bench->names);
        const uint32_t index[CHANGE_KINDS] = {fresh, known, fresh};
        for (enum change_kind kind = 0; kind < CHANGE_KINDS; kind++) {
            figures[kind].us[figures[kind].count++] = change_once(bench, kind, index[kind]);
        }
    }
}

static int double_compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void figures_print(const struct bench *bench, struct figures *figures, bool last,
                          const char *name)
{
    qsort(figures->us, figures->count, sizeof(double), double_compare);
    double median = figures->us[figures->count / 2];
    double p99 = figures->us[(uint64_t)figures->count * 99 / 100];
    double most = figures->us[figures->count - 1];
    if (bench->json) {
        printf("  \"%s_us\": {\"median\": %.2f, \"p99\": %.2f, \"max\": %.2f}%s\n", name, median,
               p99, most, last ? "" : ",");
    } else {
        printf("%-8s median %6.2f us   p99 %6.2f us   max %8.2f us\n", name, median, p99, most);
    }
}

static void report(const struct bench *bench, struct figures figures[CHANGE_KINDS])
{
    struct control_memory memory;
    control_memory(bench->control, &memory);
    double each = (double)bench->live_bytes / bench->names;
    double after = (double)(memory.live_bytes + memory.free_bytes) / bench->names;
    if (bench->json) {
        printf(
            "{\n  \"names\": %u,\n  \"views\": %d,\n  \"changes\": %u,\n  \"load_cpu_s\": %.3f,\n"
            "  \"bytes_a_name\": %.1f,\n  \"bytes_a_name_after\": %.1f,\n",
            bench->names, VIEWS, 3 * bench->changes, bench->load_s, each, after);
    } else {
        printf("%u names, %d views: loaded in %.2f s of CPU, %.1f bytes a name (%.1f after %u "
               "changes)\n",
               bench->names, VIEWS, bench->load_s, each, after, 3 * bench->changes);
    }
    for (enum change_kind kind = 0; kind < CHANGE_KINDS; kind++) {
        figures_print(bench, &figures[kind], kind == CHANGE_KINDS - 1, KIND_NAMES[kind]);
    }
    printf("%s", bench->json ? "}\n" : "");
}

static bool options_parse(struct bench *bench, int argc, char **argv)
{
    static const struct option options[] = {{"names", required_argument, NULL, 'n'},
                                            {"changes", required_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'n':
            bench->names = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            bench->changes = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'j':
            bench->json = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc && bench->names >= EVERY && bench->names < UINT32_MAX / 2 &&
           bench->changes;
}

int main(int argc, char **argv)
{
    struct bench bench = {.names = 1000000, .changes = 20000};
    struct figures figures[CHANGE_KINDS];
    if (!options_parse(&bench, argc, argv)) {
        fprintf(stderr, "usage: incremental [--names N] [--changes N] [--json]\n");
        return 2;
    }
    struct desired_view views[VIEWS] = {{.name = "few-a", .internal = true},
                                        {.name = "few-b", .internal = true},
                                        {.name = "many", .internal = true},
                                        {.name = "plain", .is_default = true}};
    struct desired_overlay overlays[OVERLAYS];
    for (uint32_t i = 0; i < OVERLAYS; i++) {
        overlays[i] = (struct desired_overlay){
            .views = UINT64_C(1) << i, .reason = "bench", .file = "bench.overlay"};
    }
    struct desired_zone zone = {.origin = bench.origin,
                                .file = "bench.zone",
                                .only = VIEWS_ALL,
                                .overlays = overlays,
                                .overlay_count = OVERLAYS};
    struct desired desired = {.views = views, .view_count = VIEWS, .zones = &zone, .zone_count = 1};
    struct scope scope = {.view_count = VIEWS};
    struct control_memory memory;
    random_seed(&bench.random, 1);
    must(name_from_text("example.com.", NULL, bench.origin), "origin");
    world_load(&bench, &desired, &scope);
    control_memory(bench.control, &memory);
    bench.live_bytes = memory.live_bytes;
    for (unsigned i = 0; i < CHANGE_KINDS; i++) {
        figures[i] = (struct figures){.us = calloc(bench.changes, sizeof(double))};
        must(figures[i].us ? ERR_OK : ERR_NOMEM, "figures");
    }
    changes_run(&bench, figures);
    report(&bench, figures);
    for (unsigned i = 0; i < CHANGE_KINDS; i++) {
        free(figures[i].us);
    }
    control_retire(bench.control, bench.snapshot);
    control_free(bench.control);
    memory_release(&bench.memory);
    return 0;
}
