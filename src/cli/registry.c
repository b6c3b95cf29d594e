/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * register, renew, deregister, maintain: one change each, asked of a running daemon.
 */
#include "api/json_text.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A word as JSON: a number where it is one. */
static json_t *word_json(const char *text)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    if (*text && !*end && strlen(text) < 16) {
        return json_integer(number);
    }
    return strcmp(text, "true") == 0    ? json_true()
           : strcmp(text, "false") == 0 ? json_false()
                                        : json_text(text);
}

static void set_text(json_t *body, const struct call *call, enum option_id option, const char *key)
{
    if (call_has(call, option)) {
        json_object_set_new(body, key, json_text(call_option(call, option)));
    }
}

static void set_word(json_t *body, const struct call *call, enum option_id option, const char *key)
{
    if (call_has(call, option)) {
        json_object_set_new(body, key, word_json(call_option(call, option)));
    }
}

static void set_list(json_t *body, const struct call *call, enum option_id option, const char *key)
{
    const char **texts = calloc(call->value_count + 1, sizeof(*texts));
    unsigned count = texts ? call_options(call, option, texts) : 0;
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        json_array_append_new(list, json_text(texts[i]));
    }
    if (count > 0) {
        json_object_set(body, key, list);
    }
    json_decref(list);
    free(texts);
}

/* "KEY=VALUE" each; EXIT_USAGE when one is not. */
static int set_meta(json_t *body, const struct call *call)
{
    const char **texts = calloc(call->value_count + 1, sizeof(*texts));
    unsigned count = texts ? call_options(call, OPT_META, texts) : 0;
    json_t *object = json_object();
    int status = EXIT_DONE;
    for (unsigned i = 0; i < count && status == EXIT_DONE; i++) {
        const char *equals = strchr(texts[i], '=');
        if (!equals || equals == texts[i]) {
            status = print_usage(call->command, "--meta %s is not KEY=VALUE", texts[i]);
        } else {
            json_object_setn_new(object, texts[i], (size_t)(equals - texts[i]),
                                 json_text(equals + 1));
        }
    }
    if (count > 0) {
        json_object_set(body, "meta", object);
    }
    json_decref(object);
    free(texts);
    return status;
}

/* The member that the word behind a kind's colon means. */
static const char *check_word(const char *kind)
{
    static const char *const table[][2] = {
        {"http", "path"},       {"dns", "query"},       {"ttl", "interval"},
        {"tcp", "port"},        {"held", "port"},       {"alias", "alias"},
        {"calculated", "need"}, {"command", "command"}, {"file", "file"}};
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        if (strcmp(table[i][0], kind) == 0) {
            return table[i][1];
        }
    }
    return "path";
}

/* "http:/healthz,interval=1s,fall=2" as an object. */
static json_t *check_json(const char *text)
{
    char copy[1024], *rest = copy;
    json_t *check = json_object();
    snprintf(copy, sizeof(copy), "%s", text);
    char *word = strsep(&rest, ",");
    char *colon = strchr(word, ':');
    if (colon) {
        *colon = '\0';
        json_object_set_new(check, check_word(word), word_json(colon + 1));
    }
    if (strcmp(word, "https") == 0) {
        json_object_set_new(check, "tls", json_true());
        word[4] = '\0';
        if (colon) {
            json_object_set_new(check, "path", json_text(colon + 1));
        }
    }
    json_object_set_new(check, "kind", json_text(word));
    while ((word = strsep(&rest, ",")) != NULL) {
        char *equals = strchr(word, '=');
        if (equals) {
            json_object_setn_new(check, word, (size_t)(equals - word), word_json(equals + 1));
        } else {
            json_object_set_new(check, word, json_true());
        }
    }
    return check;
}

static void set_checks(json_t *body, const struct call *call)
{
    const char **texts = calloc(call->value_count + 1, sizeof(*texts));
    unsigned count = texts ? call_options(call, OPT_CHECK, texts) : 0;
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        json_array_append_new(list, check_json(texts[i]));
    }
    if (count > 0) {
        json_object_set(body, "checks", list);
    }
    json_decref(list);
    free(texts);
}

/* Asks, and says in one line what came of it. */
static int change(const struct call *call, const char *path, json_t *body, const char *done)
{
    struct target target;
    json_t *answer = NULL;
    int status = wait_check(call);
    if (status != EXIT_DONE) {
        json_decref(body);
        return status;
    }
    target_begin(&target, path);
    if (call_has(call, OPT_DRY_RUN)) {
        json_object_set_new(body, "dry_run", json_true());
    }
    set_word(body, call, OPT_EXPECT, "expect");
    status = client_ask(call, "POST", &target, body, &answer);
    if (status != EXIT_DONE) {
        return status;
    }
    long long generation = (long long)show_number(answer, "generation");
    if (call_has(call, OPT_JSON)) {
        print_json(answer);
        return wait_if_wanted(call, generation);
    }
    bool changed = !json_object_get(answer, "changed") || show_number(answer, "changed") > 0;
    printf("%s%s: revision %lld, generation %lld%s\n",
           call_has(call, OPT_DRY_RUN) ? "would be " : "", changed ? done : "unchanged",
           (long long)show_number(answer, "revision"), (long long)show_number(answer, "generation"),
           json_is_false(json_object_get(answer, "durable")) ? " (not kept: no data folder)" : "");
    json_decref(answer);
    return wait_if_wanted(call, generation);
}

static json_t *body_named(const struct call *call)
{
    json_t *body = json_pack("{s:o}", "service", json_text(call_argument(call, 0)));
    if (call_argument(call, 1)) {
        json_object_set_new(body, "id", json_text(call_argument(call, 1)));
    }
    return body;
}

int run_register(const struct call *call)
{
    json_t *body = body_named(call);
    set_list(body, call, OPT_ADDRESS, "addresses");
    set_word(body, call, OPT_PORT, "port");
    set_word(body, call, OPT_WEIGHT, "weight");
    set_word(body, call, OPT_PRIORITY, "priority");
    set_list(body, call, OPT_TAG, "tags");
    set_text(body, call, OPT_SITE, "site");
    set_text(body, call, OPT_LEASE, "lease");
    set_checks(body, call);
    int status = set_meta(body, call);
    if (status != EXIT_DONE) {
        json_decref(body);
        return status;
    }
    return change(call, "/v1/register", body, "registered");
}

int run_renew(const struct call *call)
{
    json_t *body = body_named(call);
    set_text(body, call, OPT_CHECK, "check");
    set_text(body, call, OPT_STATUS, "status");
    set_text(body, call, OPT_NOTE, "note");
    return change(call, "/v1/renew", body, "renewed");
}

int run_deregister(const struct call *call)
{
    return change(call, "/v1/deregister", body_named(call), "deregistered");
}

/* --- overrides -----------------------------------------------------------------------------------
 */

static int list_overrides(const struct call *call)
{
    struct target target;
    struct table table = {.columns = 5};
    json_t *answer = NULL;
    const json_t *item;
    size_t i;
    target_begin(&target, "/v1/overrides");
    int status = client_ask(call, "GET", &target, NULL, &answer);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(answer);
        return EXIT_DONE;
    }
    json_array_foreach(json_object_get(answer, "overrides"), i, item)
    {
        const char *site = show_text(item, "site");
        table_cell(&table, "%s/%s%s%s", show_text(item, "name"), show_text(item, "instance"),
                   *site ? "@" : "", site);
        table_cell(&table, "%s", show_text(item, "action"));
        table_cell(&table, "%s%s",
                   json_is_true(json_object_get(item, "ended")) ? "ended " : "until ",
                   show_text(item, "ends"));
        table_cell(&table, "%s", show_text(item, "owner"));
        table_cell(&table, "%s", show_text(item, "reason"));
    }
    if (json_array_size(json_object_get(answer, "overrides")) == 0) {
        printf("nothing is overridden\n");
    }
    table_print(&table, stdout, "");
    json_decref(answer);
    return EXIT_DONE;
}

int run_maintain(const struct call *call)
{
    const char *name = call_argument(call, 0), *instance = call_argument(call, 1);
    if (!name && !call_has(call, OPT_SITE)) {
        return list_overrides(call);
    }
    json_t *body = json_pack("{s:o}", "name", json_text(name ? name : "*"));
    set_text(body, call, OPT_SITE, "site");
    json_object_set_new(body, "instance", json_text(instance ? instance : "*"));
    if (call_has(call, OPT_OFF)) {
        json_object_set_new(body, "end", json_true());
        return change(call, "/v1/override", body, "ended");
    }
    const char *action = call_option(call, OPT_ACTION);
    json_object_set_new(body, "action", json_text(action ? action : "drain"));
    set_text(body, call, OPT_REASON, "reason");
    set_text(body, call, OPT_FOR, "for");
    return change(call, "/v1/override", body, "overridden");
}
