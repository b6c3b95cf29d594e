/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * services, instances, history: what is registered, for people.
 */
#include "cli/client.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

static int fetch(const struct call *call, struct target *target, json_t **ret)
{
    int status = client_ask(call, "GET", target, NULL, ret);
    if (status == EXIT_DONE && call_has(call, OPT_JSON)) {
        print_json(*ret);
        *ret = NULL;
    }
    return status;
}

/* "3 of 5 in internal, 2 of 5 in external (panic)" */
static void views_text(const json_t *views, char *out, size_t size)
{
    const char *name;
    json_t *view;
    size_t at = 0;
    out[0] = '\0';
    json_object_foreach((json_t *)(uintptr_t)views, name, view)
    {
        const char *how = show_text(view, "answered");
        bool plain = strcmp(how, "working") == 0;
        if (show_number(view, "instances") == 0) {
            continue;
        }
        at += (size_t)snprintf(out + at, size - at, "%s%s %lld of %lld%s%s%s", at ? ", " : "", name,
                               (long long)show_number(view, "given"),
                               (long long)show_number(view, "instances"), plain ? "" : " (",
                               plain ? "" : how, plain ? "" : ")");
        at = at < size ? at : size - 1;
    }
    if (at == 0) {
        snprintf(out, size, "no instance");
    }
}

/* "dc1 is down", "dc1 waits 45 s" */
static void sites_text(const json_t *sites, char *out, size_t size)
{
    const json_t *site;
    size_t i, at = 0;
    out[0] = '\0';
    json_array_foreach(sites, i, site)
    {
        const json_t *back = json_object_get(site, "back_in");
        char waits[32] = "down";
        if (json_is_real(back)) {
            snprintf(waits, sizeof(waits), "taken back in %.0f s", json_real_value(back));
        } else if (back) {
            snprintf(waits, sizeof(waits), "waiting for failback");
        }
        at += (size_t)snprintf(out + at, size - at, "%s%s %s", at ? ", " : "",
                               show_text(site, "site"), waits);
        at = at < size ? at : size - 1;
    }
}

static void verdicts_text(const json_t *verdicts, char *out, size_t size)
{
    const char *name;
    json_t *count;
    size_t at = 0;
    out[0] = '\0';
    json_object_foreach((json_t *)(uintptr_t)verdicts, name, count)
    {
        at += (size_t)snprintf(out + at, size - at, "%s%lld %s", at ? ", " : "",
                               (long long)json_integer_value(count), name);
        at = at < size ? at : size - 1;
    }
}

int run_services(const struct call *call)
{
    struct target target;
    struct table table = {.columns = 5};
    json_t *answer = NULL;
    const json_t *item;
    size_t i;
    target_begin(&target, "/v1/services");
    target_add(&target, "name", call_argument(call, 0));
    int status = fetch(call, &target, &answer);
    if (!answer) {
        return status;
    }
    const json_t *list = json_object_get(answer, "services");
    json_array_foreach(list, i, item)
    {
        char views[512], verdicts[256], sites[256];
        views_text(json_object_get(item, "views"), views, sizeof(views));
        verdicts_text(json_object_get(item, "verdicts"), verdicts, sizeof(verdicts));
        sites_text(json_object_get(item, "sites_down"), sites, sizeof(sites));
        table_cell(&table, "%s", show_text(item, "service"));
        table_cell(&table, "%s", verdicts);
        table_cell(&table, "%s", views);
        table_cell(&table, "%s", sites);
        table_cell(&table, "%s", show_text(item, "owner"));
    }
    table_print(&table, stdout, "");
    printf("%zu %s\n", json_array_size(list),
           print_plural((int64_t)json_array_size(list), "service", "services"));
    json_decref(answer);
    return EXIT_DONE;
}

static void checks_text(const json_t *checks, char *out, size_t size)
{
    const json_t *check;
    size_t i, at = 0;
    out[0] = '\0';
    json_array_foreach(checks, i, check)
    {
        const char *detail = show_text(check, "detail");
        const json_t *held = json_object_get(check, "reused_in");
        at += (size_t)snprintf(out + at, size - at, "%s%s: %s", at ? "; " : "",
                               show_text(check, "name"),
                               *detail ? detail : show_text(check, "verdict"));
        at = at < size ? at : size - 1;
        if (held) {
            at += (size_t)snprintf(out + at, size - at, ", flapping, held for %.0f s",
                                   json_number_value(held));
            at = at < size ? at : size - 1;
        }
    }
}

static void instance_row(struct table *table, const json_t *item)
{
    char checks[512], since[32], addresses[256];
    const json_t *address, *override = json_object_get(item, "override");
    size_t i, at = 0;
    addresses[0] = '\0';
    json_array_foreach(json_object_get(item, "addresses"), i, address)
    {
        at += (size_t)snprintf(addresses + at, sizeof(addresses) - at, "%s%s", at ? " " : "",
                               json_string_value(address));
        at = at < sizeof(addresses) ? at : sizeof(addresses) - 1;
    }
    checks_text(json_object_get(item, "health"), checks, sizeof(checks));
    table_cell(table, "%s", show_text(item, "id"));
    table_cell(table, "%s", addresses);
    table_cell(table, "%lld", (long long)show_number(item, "port"));
    table_cell(table, "%s", override ? show_text(override, "action") : show_text(item, "verdict"));
    table_cell(table, "%s",
               print_seconds((int64_t)json_number_value(json_object_get(item, "for")), since));
    table_cell(table, "%s", json_is_true(json_object_get(item, "answered")) ? "answered" : "-");
    table_cell(table, "%s", override ? show_text(override, "reason") : checks);
}

int run_instances(const struct call *call)
{
    struct target target;
    struct table table = {.columns = 7, .right = 1u << 2};
    json_t *answer = NULL;
    const json_t *item;
    size_t i;
    target_begin(&target, "/v1/instances");
    target_add(&target, "service", call_argument(call, 0));
    int status = fetch(call, &target, &answer);
    if (!answer) {
        return status;
    }
    json_array_foreach(json_object_get(answer, "instances"), i, item)
    {
        instance_row(&table, item);
    }
    table_print(&table, stdout, "");
    char views[512];
    const json_t *service = json_object_get(answer, "service");
    views_text(json_object_get(service, "views"), views, sizeof(views));
    printf("%s: %s\n", show_text(service, "service"), views);
    json_decref(answer);
    return EXIT_DONE;
}

int run_history(const struct call *call)
{
    struct target target;
    struct table table = {.columns = 6, .right = 1};
    json_t *answer = NULL;
    const json_t *item;
    size_t i;
    target_begin(&target, "/v1/history");
    int status = fetch(call, &target, &answer);
    if (!answer) {
        return status;
    }
    json_array_foreach(json_object_get(answer, "history"), i, item)
    {
        bool before = json_is_object(json_object_get(item, "before"));
        bool after = json_is_object(json_object_get(item, "after"));
        table_cell(&table, "%lld", (long long)show_number(item, "revision"));
        table_cell(&table, "%s", show_text(item, "at"));
        table_cell(&table, "%s", show_text(item, "owner"));
        table_cell(&table, "%s", !after ? "removed" : before ? "changed" : "new");
        table_cell(&table, "%s %s", show_text(item, "kind"), show_text(item, "name"));
        table_cell(&table, "%s", show_text(item, "why"));
    }
    table_print(&table, stdout, "");
    json_decref(answer);
    return EXIT_DONE;
}
