/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/explain.h"

#include "cli/client.h"
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/print.h"
#include "cli/show.h"

static struct explain_question question_of(const struct call *call)
{
    return (struct explain_question){
        .name = call_argument(call, 0),
        .type = call_argument(call, 1),
        .from = call_option(call, OPT_FROM),
        .listener = call_option(call, OPT_LISTENER),
        .subnet = call_option(call, OPT_SUBNET),
        .transport = call_has(call, OPT_TCP) ? "tcp" : "udp",
    };
}

static int ask_daemon(const struct call *call, const struct explain_question *question,
                      json_t **ret_json)
{
    struct target target;
    target_begin(&target, "/v1/explain");
    target_add(&target, "name", question->name);
    target_add(&target, "type", question->type);
    target_add(&target, "from", question->from);
    target_add(&target, "listener", question->listener);
    target_add(&target, "subnet", question->subnet);
    target_add(&target, "transport", question->transport);
    return client_ask(call, "GET", &target, NULL, ret_json);
}

static int ask_offline(const struct call *call, const struct explain_question *question,
                       json_t **ret_json)
{
    struct offline *offline = NULL;
    int status = offline_open(call, call_option(call, OPT_CONFIG), &offline);
    if (status != EXIT_DONE) {
        return status;
    }
    struct explain_world world = offline_world(offline);
    struct explain_refusal refusal;
    status = offline_answer(call, explain_to_json(&world, question, ret_json, &refusal), &refusal);
    offline_free(offline);
    return status;
}

int run_explain(const struct call *call)
{
    struct explain_question question = question_of(call);
    if (!question.from) {
        return print_usage(call->command, "explain needs --from, the address of the client");
    }
    json_t *json = NULL;
    bool offline = offline_wanted(call);
    int status = offline ? ask_offline(call, &question, &json) : ask_daemon(call, &question, &json);
    if (status != EXIT_DONE) {
        return status;
    }
    if (call_has(call, OPT_JSON)) {
        print_json(json);
    } else {
        show_explanation(json);
        json_decref(json);
    }
    return EXIT_DONE;
}
