/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/show.h"

#include "cli/print.h"

#include <string.h>

const char *show_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

json_int_t show_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void show_edns(const json_t *edns, const char *indent)
{
    const json_t *error;
    size_t i;
    json_array_foreach(json_object_get(edns, "errors"), i, error)
    {
        printf("%sextended error %lld%s%s\n", indent, (long long)show_number(error, "code"),
               *show_text(error, "text") ? ": " : "", show_text(error, "text"));
    }
    const json_t *subnet = json_object_get(edns, "subnet");
    if (json_is_object(subnet)) {
        printf("%sclient subnet %s, scope /%lld\n", indent, show_text(subnet, "prefix"),
               (long long)show_number(subnet, "scope"));
    }
    if (*show_text(edns, "nsid")) {
        printf("%sserver identifier %s\n", indent, show_text(edns, "nsid"));
    }
}

void show_reply(const json_t *reply, const char *indent)
{
    static const char *const sections[] = {"answer", "authority", "additional"};
    for (unsigned s = 0; s < 3; s++) {
        const json_t *records = json_object_get(reply, sections[s]);
        if (json_array_size(records) == 0) {
            continue;
        }
        if (s > 0) {
            printf("%s%s\n", indent, sections[s]);
        }
        struct table table = {.columns = 4, .right = 2};
        const json_t *record;
        size_t i;
        json_array_foreach(records, i, record)
        {
            table_cell(&table, "%s", show_text(record, "name"));
            table_cell(&table, "%lld", (long long)show_number(record, "ttl"));
            table_cell(&table, "%s", show_text(record, "type"));
            table_cell(&table, "%s", show_text(record, "data"));
        }
        char deeper[32];
        snprintf(deeper, sizeof(deeper), "%s%s", indent, s > 0 ? "  " : "");
        table_print(&table, stdout, deeper);
    }
    show_edns(json_object_get(reply, "edns"), indent);
}

char *show_reply_summary(const json_t *reply, char *out, size_t size)
{
    const json_t *flag;
    size_t i;
    int at = snprintf(out, size, "%s", show_text(reply, "rcode"));
    json_array_foreach(json_object_get(reply, "flags"), i, flag)
    {
        const char *word = json_string_value(flag);
        if (word && strcmp(word, "qr") != 0 && at > 0 && (size_t)at < size) {
            at += snprintf(out + at, size - (size_t)at, ", %s", word);
        }
    }
    size_t count = json_array_size(json_object_get(reply, "answer"));
    if (at > 0 && (size_t)at < size) {
        snprintf(out + at, size - (size_t)at, ", %zu %s, %lld bytes", count,
                 print_plural((int64_t)count, "record", "records"),
                 (long long)show_number(reply, "bytes"));
    }
    return out;
}

static void label(const char *word)
{
    printf("  ");
    print_colour(stdout, COLOUR_BOLD);
    printf("%-7s", word);
    print_colour(stdout, COLOUR_NONE);
    printf(" ");
}

static void show_view(const json_t *view)
{
    label("view");
    if (json_is_object(view)) {
        bool placed = *show_text(view, "place");
        printf("%s: %s%s%s%s\n", show_text(view, "name"), show_text(view, "why"),
               placed ? " (" : "", show_text(view, "place"), placed ? ")" : "");
    } else {
        printf("none: no view has this client, and none is the default\n");
    }
}

static void show_zone_of(const json_t *zone)
{
    label("zone");
    if (!json_is_object(zone)) {
        printf("none here is at or above the name\n");
        return;
    }
    printf("%s", show_text(zone, "name"));
    if (json_is_integer(json_object_get(zone, "serial"))) {
        printf(", serial %lld", (long long)show_number(zone, "serial"));
    }
    printf(", %s%s%s\n", show_text(zone, "file"),
           strcmp(show_text(zone, "state"), "loaded") == 0 ? "" : ", ",
           strcmp(show_text(zone, "state"), "loaded") == 0 ? "" : show_text(zone, "state"));
}

static void show_steps(const json_t *steps)
{
    const json_t *step;
    size_t i;
    struct table table = {.columns = 3};
    json_array_foreach(steps, i, step)
    {
        table_cell(&table, "%zu", i + 1);
        table_cell(&table, "%s", show_text(step, "rule"));
        table_cell(&table, "%s", show_text(step, "detail"));
    }
    table_print(&table, stdout, "    ");
}

static void show_guards(const json_t *guards)
{
    const json_t *guard;
    size_t i;
    json_array_foreach(guards, i, guard)
    {
        label(i == 0 ? "guards" : "");
        printf("%s: %s\n", show_text(guard, "guard"), show_text(guard, "detail"));
    }
}

/* A registered name: how it is answered, and why each instance is in or out. */
static void show_service(const json_t *service)
{
    struct table table = {.columns = 5};
    const json_t *item;
    size_t i;
    if (!json_is_object(service)) {
        return;
    }
    label("service");
    printf("%s, policy %s, of %s: %s%s%s\n", show_text(service, "service"),
           show_text(service, "policy"), show_text(service, "owner"), show_text(service, "because"),
           *show_text(service, "pool") ? ", site " : "", show_text(service, "pool"));
    json_array_foreach(json_object_get(service, "candidates"), i, item)
    {
        const json_t *override = json_object_get(item, "override");
        bool told = json_is_object(override);
        table_cell(&table, "%s", json_is_true(json_object_get(item, "given")) ? "in" : "out");
        table_cell(&table, "%s", show_text(item, "id"));
        table_cell(&table, "%s", show_text(item, "verdict"));
        table_cell(&table, "%s", show_text(item, "why"));
        table_cell(&table, "%s%s", told ? "because: " : "",
                   show_text(told ? override : item, told ? "reason" : "detail"));
    }
    table_print(&table, stdout, "           ");
}

void show_explanation(const json_t *explanation)
{
    const json_t *query = json_object_get(explanation, "query");
    const json_t *reply = json_object_get(explanation, "reply");
    const json_t *ttl = json_object_get(explanation, "ttl");
    char summary[256];
    print_colour(stdout, COLOUR_BOLD);
    printf("%s %s", show_text(query, "name"), show_text(query, "type"));
    print_colour(stdout, COLOUR_NONE);
    printf(" for %s%s%s over %s\n", show_text(query, "from"),
           *show_text(query, "listener") ? " at " : "", show_text(query, "listener"),
           show_text(query, "transport"));
    show_view(json_object_get(explanation, "view"));
    show_zone_of(json_object_get(explanation, "zone"));
    show_service(json_object_get(explanation, "service"));
    label("steps");
    printf("RFC and section, and what was found\n");
    show_steps(json_object_get(explanation, "steps"));
    label("reply");
    printf("%s\n", show_reply_summary(reply, summary, sizeof(summary)));
    show_reply(reply, "    ");
    if (json_is_integer(ttl)) {
        label("TTL");
        printf("%lld s: caches may keep this reply that long\n",
               (long long)json_integer_value(ttl));
    }
    show_guards(json_object_get(explanation, "guards"));
}

static void zone_row(struct table *table, const json_t *zone)
{
    char number[32];
    table_cell(table, "%s", show_text(zone, "name"));
    table_cell(table, "%s", show_text(zone, "state"));
    if (json_is_integer(json_object_get(zone, "serial"))) {
        table_cell(table, "%lld", (long long)show_number(zone, "serial"));
    } else {
        table_cell(table, "-");
    }
    table_cell(table, "%s", print_number(show_number(zone, "names"), number));
    table_cell(table, "%s", print_number(show_number(zone, "records"), number));
    table_cell(table, "%s", show_text(zone, "file"));
    if (strcmp(show_text(zone, "state"), "held") == 0) {
        table_cell(table, "%s; if meant: horizon reload --accept %s@%lld",
                   show_text(zone, "problem"), show_text(zone, "name"),
                   (long long)show_number(zone, "held_serial"));
    } else {
        table_cell(table, "%s", show_text(zone, "problem"));
    }
}

size_t show_zones(const json_t *zones, int all)
{
    static const char *const head[] = {"zone", "state", "serial", "names", "records", "file", ""};
    struct table table = {.columns = 7, .right = 1 << 2 | 1 << 3 | 1 << 4};
    const json_t *zone;
    size_t i, left_out = 0;
    for (size_t column = 0; column < 7; column++) {
        table_cell(&table, "%s", head[column]);
    }
    json_array_foreach(zones, i, zone)
    {
        if (!all && strcmp(show_text(zone, "state"), "loaded") == 0) {
            left_out++;
        } else {
            zone_row(&table, zone);
        }
    }
    if (table.count > table.columns) {
        table_print(&table, stdout, "  ");
    } else {
        table_free(&table);
    }
    return left_out;
}
