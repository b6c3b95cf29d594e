/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/client.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/show.h"

#include <string.h>

static void show_head(const json_t *status)
{
    char uptime[32], memory[32];
    const json_t *listener;
    size_t i;
    print_colour(stdout, COLOUR_BOLD);
    printf("horizon %s", show_text(status, "version"));
    print_colour(stdout, COLOUR_NONE);
    printf(", process %lld, up %s, generation %lld, revision %lld\n",
           (long long)show_number(status, "pid"),
           print_seconds(show_number(status, "uptime_s"), uptime),
           (long long)show_number(status, "generation"),
           (long long)show_number(status, "revision"));
    printf("  listens on  ");
    json_array_foreach(json_object_get(status, "listeners"), i, listener)
    {
        printf("%s%s", i ? ", " : "", show_text(listener, "address"));
    }
    const json_t *bytes = json_object_get(status, "memory");
    printf("\n  workers     %lld, %lld open TCP %s\n  names       %s\n",
           (long long)show_number(status, "workers"), (long long)show_number(status, "tcp_open"),
           print_plural(show_number(status, "tcp_open"), "connection", "connections"),
           print_bytes(show_number(bytes, "live_bytes"), memory));
    if (*show_text(status, "config")) {
        printf("  configured  %s\n", show_text(status, "config"));
    }
}

static void show_reload(const json_t *reload)
{
    if (json_is_object(reload)) {
        printf("  reloaded    %s, %s\n", show_text(reload, "at"), show_text(reload, "result"));
    }
}

static void show_registry(const json_t *registry)
{
    const json_t *verdicts = json_object_get(registry, "verdicts");
    if (!json_is_object(registry) || show_number(registry, "services") == 0) {
        return;
    }
    printf(
        "  services    %lld, %lld %s (%lld passing, %lld critical), %lld probes, revision %lld%s\n",
        (long long)show_number(registry, "services"), (long long)show_number(registry, "instances"),
        print_plural(show_number(registry, "instances"), "instance", "instances"),
        (long long)show_number(verdicts, "passing"), (long long)show_number(verdicts, "critical"),
        (long long)show_number(registry, "probes"), (long long)show_number(registry, "revision"),
        json_is_true(json_object_get(registry, "durable")) ? "" : ", not kept on disk");
    const json_t *brake = json_object_get(registry, "storm_brake");
    if (strcmp(show_text(brake, "state"), "on") == 0) {
        printf("              storm brake: %s; answers stay as they were for a while\n",
               show_text(brake, "why"));
    }
    if (show_number(registry, "checks_not_made") > 0) {
        printf("              %lld checks could not be made here since the start: see the log\n",
               (long long)show_number(registry, "checks_not_made"));
    }
    if (show_number(registry, "probes_delayed") > 0) {
        printf("              %lld probes waited, as one address gets no more than "
               "registry.check-rate allows\n",
               (long long)show_number(registry, "probes_delayed"));
    }
    if (*show_text(registry, "error")) {
        printf("              %s\n", show_text(registry, "error"));
    }
}

static void show_image(const json_t *image)
{
    char bytes[32];
    if (!json_is_object(image)) {
        return;
    }
    if (*show_text(image, "written_at")) {
        printf("  image       %s of %s in %s\n", print_bytes(show_number(image, "bytes"), bytes),
               show_text(image, "written_at"), show_text(image, "folder"));
    } else {
        printf("  image       none yet in %s\n", show_text(image, "folder"));
    }
    if (*show_text(image, "error")) {
        printf("              not written: %s\n", show_text(image, "error"));
    }
}

static void show_zone_part(const json_t *status, bool all)
{
    const json_t *count = json_object_get(status, "zone_count");
    json_int_t total = show_number(count, "total");
    printf("\n");
    print_colour(stdout, COLOUR_BOLD);
    printf("zones");
    print_colour(stdout, COLOUR_NONE);
    printf("  %lld, %lld loaded, %lld stale, %lld held, %lld not loaded\n", (long long)total,
           (long long)show_number(count, "loaded"), (long long)show_number(count, "stale"),
           (long long)show_number(count, "held"), (long long)show_number(count, "unloaded"));
    size_t left_out = show_zones(json_object_get(status, "zones"), all || total <= 20);
    if (left_out) {
        printf("  %zu without a problem; --all shows them\n", left_out);
    }
}

/* Counters side by side: one column a view, then the sum. Rows of zeros are left out. */
static void show_counters(const json_t *status)
{
    const json_t *views = json_object_get(status, "views"), *view;
    const char *name;
    json_t *value;
    size_t i, shown = json_array_size(views);
    char number[32];
    if (shown > TABLE_COLUMNS_MAX - 2) {
        shown = TABLE_COLUMNS_MAX - 2;
    }
    struct table table = {.columns = (unsigned)shown + 2, .right = UINT32_MAX << 1};
    table_cell(&table, "counters");
    json_array_foreach(views, i, view)
    {
        if (i < shown) {
            table_cell(&table, "%s", show_text(view, "name"));
        }
    }
    table_cell(&table, "all");
    json_object_foreach(json_object_get(status, "counters"), name, value)
    {
        if (json_integer_value(value) == 0) {
            continue;
        }
        table_cell(&table, "%s", name);
        for (i = 0; i < shown; i++) {
            const json_t *own = json_object_get(json_array_get(views, i), "counters");
            const json_t *count = json_object_get(own, name);
            table_cell(&table, "%s", count ? print_number(json_integer_value(count), number) : "");
        }
        table_cell(&table, "%s", print_number(json_integer_value(value), number));
    }
    printf("\n");
    table_print(&table, stdout, "  ");
}

int run_status(const struct call *call)
{
    struct target target;
    json_t *status = NULL;
    target_begin(&target, "/v1/status");
    int result = client_ask(call, "GET", &target, NULL, &status);
    if (result != EXIT_DONE) {
        return result;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(status);
        return EXIT_DONE;
    }
    show_head(status);
    show_reload(json_object_get(status, "last_reload"));
    show_registry(json_object_get(status, "registry"));
    show_image(json_object_get(status, "image"));
    show_zone_part(status, call_has(call, OPT_ALL));
    show_counters(status);
    json_decref(status);
    return EXIT_DONE;
}
