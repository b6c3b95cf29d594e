/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * apply and restore: many changes as one. A file is YAML (JSON is, too):
 *
 *   services:
 *     - service: web.prod.internal
 *       policy: weighted
 *       checks: [{kind: http, path: /healthz}]
 *       instances:
 *         - {id: web-1, addresses: [10.0.1.10], port: 8080}
 *
 * Instances may also stand in a list of their own, `instances`, each with its `service`.
 */
#include "api/json_text.h"
#include "base/error.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/show.h"
#include "config/config.h"
#include "config/tree.h"
#include "io/file.h"

#include <stdlib.h>
#include <string.h>

static json_t *scalar_json(const struct node *node)
{
    char *end;
    if (tree_is_empty(node)) {
        return json_null();
    }
    if (!node->quoted) {
        long long number = strtoll(node->text, &end, 10);
        if (!*end && strlen(node->text) < 18) {
            return json_integer(number);
        }
        if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0) {
            return json_boolean(node->text[0] == 't');
        }
    }
    return json_text(node->text);
}

/* A tree of YAML as JSON. */
static json_t *tree_json(const struct node *node)
{
    json_t *json = node->kind == NODE_MAP    ? json_object()
                   : node->kind == NODE_LIST ? json_array()
                                             : scalar_json(node);
    bool holds = node->kind == NODE_MAP || node->kind == NODE_LIST;
    for (const struct node *item = holds ? node->first : NULL; item; item = item->next) {
        if (node->kind == NODE_MAP) {
            json_object_set_new(json, item->key->text, tree_json(item));
        } else {
            json_array_append_new(json, tree_json(item));
        }
    }
    return json;
}

static int plan_read(const char *file, json_t **ret)
{
    struct diag_list findings;
    struct arena arena;
    struct node *root = NULL;
    char *text = NULL;
    size_t len = 0;
    int status = EXIT_DONE;
    diag_init(&findings, &ALLOC_MALLOC);
    arena_init(&arena, &ALLOC_MALLOC);
    int err = file_read(&ALLOC_MALLOC, file, LIMIT_CONFIG_BYTES, &text, &len);
    if (err != ERR_OK) {
        config_file_fault(&findings, file, err);
    } else {
        err = tree_read(&arena, file, text, len, &findings, &root);
    }
    if (err != ERR_OK || findings.errors > 0) {
        print_diags_as_error(EXIT_NO, &findings);
        status = EXIT_NO;
    } else if (!root || root->kind != NODE_MAP) {
        status = print_fault(EXIT_NO, "FILE", "begin it with services:", "%s lists nothing", file);
    } else {
        *ret = tree_json(root);
    }
    mem_free(&ALLOC_MALLOC, text);
    arena_deinit(&arena);
    diag_deinit(&findings);
    return status;
}

static int objects_show(const struct call *call, json_t *answer)
{
    const json_t *item;
    size_t i, unchanged = 0;
    long long generation = (long long)show_number(answer, "generation");
    if (call_has(call, OPT_JSON)) {
        print_json(answer);
        return wait_if_wanted(call, generation);
    }
    json_array_foreach(json_object_get(answer, "objects"), i, item)
    {
        const char *action = show_text(item, "action");
        if (strcmp(action, "unchanged") == 0) {
            unchanged++;
            continue;
        }
        printf("%-8s %s %s\n", action, show_text(item, "service"), show_text(item, "id"));
    }
    printf(
        "%s%lld %s, %zu unchanged: revision %lld, generation %lld\n",
        call_has(call, OPT_DRY_RUN) ? "would be: " : "", (long long)show_number(answer, "changed"),
        print_plural(show_number(answer, "changed"), "change", "changes"), unchanged,
        (long long)show_number(answer, "revision"), (long long)show_number(answer, "generation"));
    json_decref(answer);
    return wait_if_wanted(call, generation);
}

static int ask(const struct call *call, const char *path, json_t *body)
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
    status = client_ask(call, "POST", &target, body, &answer);
    return status == EXIT_DONE ? objects_show(call, answer) : status;
}

int run_apply(const struct call *call)
{
    json_t *plan = NULL;
    int status = plan_read(call_argument(call, 0), &plan);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_EXPECT)) {
        json_object_set_new(plan, "expect",
                            json_integer(strtoll(call_option(call, OPT_EXPECT), NULL, 10)));
    }
    if (call_has(call, OPT_PRUNE)) {
        json_object_set_new(plan, "prune", json_true());
    }
    return ask(call, "/v1/apply", plan);
}

int run_restore(const struct call *call)
{
    char *end;
    long long revision = strtoll(call_argument(call, 0), &end, 10);
    if (*end || revision < 0) {
        return print_usage(call->command, "%s is no revision", call_argument(call, 0));
    }
    return ask(call, "/v1/restore", json_pack("{s:I}", "revision", (json_int_t)revision));
}
