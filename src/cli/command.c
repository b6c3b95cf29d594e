/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"

#include "cli/print.h"
#include "config/suggest.h"

#include <string.h>

const struct cli_option CLI_OPTIONS[OPT_COUNT] = {
#define X(id, word, value, many, text) [id] = {word, value, many, text},
    OPTION_TABLE(X)
#undef X
};

#define BIT(option) (UINT64_C(1) << (option))
#define EVERYWHERE (BIT(OPT_JSON) | BIT(OPT_HELP))
#define OFFLINE (BIT(OPT_CONFIG) | BIT(OPT_LISTEN) | BIT(OPT_ZONE))

const struct command COMMANDS[] = {
    {"serve", "", 0, 0,
     OFFLINE | BIT(OPT_CONTROL) | BIT(OPT_DATA) | BIT(OPT_API) | BIT(OPT_WORKERS) | EVERYWHERE,
     run_serve, "run the server",
     "serve --listen 127.0.0.1:5300 --zone example.com=example.com.zone"},
    {"check", "[FILE]", 0, 1, OFFLINE | EVERYWHERE, run_check,
     "read a configuration and its zones and report all findings",
     "check /etc/horizon/horizon.yaml"},
    {"explain", "NAME [TYPE]", 1, 2,
     OFFLINE | BIT(OPT_FROM) | BIT(OPT_LISTENER) | BIT(OPT_SUBNET) | BIT(OPT_TCP) |
         BIT(OPT_SERVER) | EVERYWHERE,
     run_explain, "say which answer a client gets, and why",
     "explain api.example.com A --from 10.0.0.7"},
    {"query", "NAME [TYPE]", 1, 2,
     BIT(OPT_FROM) | BIT(OPT_AT) | BIT(OPT_TCP) | BIT(OPT_SUBNET) | BIT(OPT_SERVER) | EVERYWHERE,
     run_query, "ask a server over the network and show the reply",
     "query api.example.com AAAA --at 192.0.2.53:53"},
    {"reload", "", 0, 0, BIT(OPT_ACCEPT) | BIT(OPT_WAIT) | BIT(OPT_SERVER) | EVERYWHERE, run_reload,
     "read configuration and zones again", "reload --accept example.com@2026013101"},
    {"status", "", 0, 0, BIT(OPT_ALL) | BIT(OPT_SERVER) | EVERYWHERE, run_status,
     "what is served, and what happened", NULL},
    {"until", "[NAME [ID]]", 0, 2, BIT(OPT_SITE) | BIT(OPT_SERVER) | EVERYWHERE, run_until,
     "until when caches may hold what a name is answered with, or lead to an instance or a site",
     "until api.example.com"},
    {"view diff", "[NAME]", 0, 1,
     OFFLINE | BIT(OPT_VIEW_A) | BIT(OPT_VIEW_B) | BIT(OPT_SERVER) | EVERYWHERE, run_view_diff,
     "what differs between two views, and whether that is declared",
     "view diff --a internal --b external"},
    {"register", "SERVICE ID", 2, 2,
     BIT(OPT_ADDRESS) | BIT(OPT_PORT) | BIT(OPT_WEIGHT) | BIT(OPT_PRIORITY) | BIT(OPT_TAG) |
         BIT(OPT_META) | BIT(OPT_SITE) | BIT(OPT_LEASE) | BIT(OPT_CHECK) | BIT(OPT_EXPECT) |
         BIT(OPT_DRY_RUN) | BIT(OPT_WAIT) | BIT(OPT_SERVER) | EVERYWHERE,
     run_register, "register an instance of a service, or change it",
     "register web.prod.internal web-1 --address 10.0.1.10 --port 8080 --check http:/healthz"},
    {"renew", "SERVICE ID", 2, 2,
     BIT(OPT_CHECK) | BIT(OPT_STATUS) | BIT(OPT_NOTE) | BIT(OPT_SERVER) | EVERYWHERE, run_renew,
     "a heartbeat of an instance: its lease, and its checks of kind ttl",
     "renew web.prod.internal web-1 --status passing"},
    {"deregister", "SERVICE [ID]", 1, 2,
     BIT(OPT_EXPECT) | BIT(OPT_DRY_RUN) | BIT(OPT_WAIT) | BIT(OPT_SERVER) | EVERYWHERE,
     run_deregister, "take an instance out, or a service with all of its instances",
     "deregister web.prod.internal web-1"},
    {"services", "[PATTERN]", 0, 1, BIT(OPT_SERVER) | EVERYWHERE, run_services,
     "what is registered, and how it is answered", "services '*.prod.internal'"},
    {"instances", "SERVICE", 1, 1, BIT(OPT_SERVER) | EVERYWHERE, run_instances,
     "the instances of a service, and how they are", "instances web.prod.internal"},
    {"wait", "GENERATION", 1, 1, BIT(OPT_SERVER) | EVERYWHERE, run_wait,
     "until no cache that honours TTLs holds what a change replaced", "wait 4711"},
    {"maintain", "[SERVICE [ID]]", 0, 2,
     BIT(OPT_SITE) | BIT(OPT_ACTION) | BIT(OPT_REASON) | BIT(OPT_FOR) | BIT(OPT_OFF) |
         BIT(OPT_WAIT) | BIT(OPT_SERVER) | EVERYWHERE,
     run_maintain,
     "override health of instances, or of a whole site, for a while; without a name, list what is "
     "overridden",
     "maintain web.prod.internal web-1 --reason 'kernel update' --for 1h"},
    {"plan", "[PATTERN]", 0, 1,
     OFFLINE | BIT(OPT_BUDGET) | BIT(OPT_CACHES) | BIT(OPT_SERVER) | EVERYWHERE, run_plan,
     "how long a failover of each service will take, and which setting decides",
     "plan api.prod.internal --config horizon.yaml --budget 30s"},
    {"drain", "[SERVICE ID]", 0, 2,
     BIT(OPT_SITE) | BIT(OPT_REASON) | BIT(OPT_TO) | BIT(OPT_TTL) | BIT(OPT_FOR) |
         BIT(OPT_DRY_RUN) | BIT(OPT_DETACH) | BIT(OPT_SERVER) | EVERYWHERE,
     run_drain, "move away from a site or an instance, and wait until no cache leads anybody there",
     "drain --site dc1 --reason 'new switches' --dry-run"},
    {"undrain", "[SERVICE ID]", 0, 2, BIT(OPT_SITE) | BIT(OPT_SERVER) | EVERYWHERE, run_undrain,
     "end a drain, or give it up", "undrain --site dc1"},
    {"drains", "", 0, 0, BIT(OPT_SERVER) | EVERYWHERE, run_drains,
     "drains that run, and those that ended", NULL},
    {"sites", "", 0, 0, BIT(OPT_SERVER) | EVERYWHERE, run_sites,
     "the sites: what works there, what is declared, which services they failed", NULL},
    {"failover", "SERVICE", 1, 1,
     BIT(OPT_TO) | BIT(OPT_REASON) | BIT(OPT_FOR) | BIT(OPT_OFF) | BIT(OPT_SERVER) | EVERYWHERE,
     run_failover, "an emergency: take every other site out of a service's answers, at once",
     "failover api.prod.internal --to dc2 --reason 'dc1 is under water'"},
    {"failback", "[PATTERN]", 0, 1, BIT(OPT_SITE) | BIT(OPT_SERVER) | EVERYWHERE, run_failback,
     "let services go back to sites that work again, without waiting",
     "failback '*.prod.internal' --site dc1"},
    {"accept", "[OWNER]", 0, 1, BIT(OPT_SITE) | BIT(OPT_SERVER) | EVERYWHERE, run_accept,
     "let go what the blast radius holds: deregistrations of an owner, failovers from a site",
     "accept --site dc2"},
    {"incidents", "[NUMBER]", 0, 1, BIT(OPT_SVG) | BIT(OPT_SERVER) | EVERYWHERE, run_incidents,
     "sites that failed, as a timetable, or a picture", "incidents 3 --svg >incident.svg"},
    {"apply", "FILE", 1, 1,
     BIT(OPT_DRY_RUN) | BIT(OPT_EXPECT) | BIT(OPT_PRUNE) | BIT(OPT_WAIT) | BIT(OPT_SERVER) |
         EVERYWHERE,
     run_apply, "register what a file lists, all of it or nothing",
     "apply services.yaml --dry-run"},
    {"history", "", 0, 0, BIT(OPT_SERVER) | EVERYWHERE, run_history,
     "who changed which service, when and why", NULL},
    {"restore", "REVISION", 1, 1, BIT(OPT_DRY_RUN) | BIT(OPT_WAIT) | BIT(OPT_SERVER) | EVERYWHERE,
     run_restore, "bring my services back to what they were at a revision", "restore 41 --dry-run"},
    {"reference configuration", "", 0, 0, EVERYWHERE, run_reference,
     "every option of the configuration", NULL},
    {"reference manual", "", 0, 0, EVERYWHERE, run_manual, "the same as a manual page", NULL},
    {"completion", "bash|zsh|fish", 1, 1, EVERYWHERE, run_completion, "completion for a shell",
     "completion bash >/etc/bash_completion.d/horizon"},
    {"version", "", 0, 0, EVERYWHERE, run_version, "the version", NULL},
    {"help", "[COMMAND]", 0, 2, EVERYWHERE, run_help, "how to use a command", NULL},
};
const unsigned COMMAND_COUNT = sizeof(COMMANDS) / sizeof(COMMANDS[0]);

/* Is argv[0..] the words of `name`? Returns how many words that took. */
static int words_match(const char *name, int argc, char **argv)
{
    int words = 0;
    while (*name) {
        size_t len = strcspn(name, " ");
        if (words >= argc || strlen(argv[words]) != len || strncmp(argv[words], name, len) != 0) {
            return 0;
        }
        words++;
        name += len + strspn(name + len, " ");
    }
    return words;
}

const struct command *command_find(int argc, char **argv, int *words)
{
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        *words = words_match(COMMANDS[i].name, argc, argv);
        if (*words > 0) {
            return &COMMANDS[i];
        }
    }
    return NULL;
}

/* The first word is that of commands with two: the second one is missing or misspelt. */
static int unknown_second_word(int argc, char **argv, const char *name)
{
    size_t len = strcspn(name, " ") + 1;
    if (argc < 2 || argv[1][0] == '-') {
        return print_usage(NULL, "'%s' needs another word, as in 'horizon %s'", argv[0], name);
    }
    struct suggestion near = {.word = argv[1]};
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        if (strncmp(COMMANDS[i].name, name, len) == 0) {
            suggest_consider(&near, COMMANDS[i].name + len);
        }
    }
    return near.best ? print_usage(NULL, "unknown command '%s %s'; did you mean '%s %s'?", argv[0],
                                   argv[1], argv[0], near.best)
                     : print_usage(NULL, "unknown command '%s %s'; there is 'horizon %s'", argv[0],
                                   argv[1], name);
}

static int unknown_command(int argc, char **argv)
{
    struct suggestion near = {.word = argv[0]};
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        const char *name = COMMANDS[i].name;
        size_t len = strcspn(name, " ");
        if (name[len] && strncmp(argv[0], name, len) == 0 && argv[0][len] == 0) {
            return unknown_second_word(argc, argv, name);
        }
        suggest_consider(&near, name);
    }
    if (near.best) {
        return print_usage(NULL, "unknown command '%s'; did you mean '%s'?", argv[0], near.best);
    }
    return print_usage(NULL, "unknown command '%s'", argv[0]);
}

static int unknown_option(const struct command *command, const char *word, size_t len)
{
    char name[64];
    size_t kept = len < sizeof(name) ? len : sizeof(name) - 1;
    memcpy(name, word, kept);
    name[kept] = 0;
    struct suggestion near = {.word = name};
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        if (command->options & BIT(i)) {
            suggest_consider(&near, CLI_OPTIONS[i].word);
        }
    }
    if (near.best) {
        return print_usage(command, "%s has no option --%s; did you mean --%s?", command->name,
                           name, near.best);
    }
    return print_usage(command, "%s has no option --%s", command->name, name);
}

/* One "--word", "--word=value" or "--word value" at argv[*at]. */
static int parse_option(int argc, char **argv, int *at, struct call *call)
{
    const char *word = strcmp(argv[*at], "-h") == 0 ? "help" : argv[*at] + 2;
    if (argv[*at][1] != '-' && strcmp(word, "help") != 0) {
        return print_usage(call->command, "unknown option '%s'; options are written --word",
                           argv[*at]);
    }
    size_t len = strcspn(word, "=");
    unsigned id = 0;
    while (id < OPT_COUNT &&
           !(call->command->options & BIT(id) && strncmp(CLI_OPTIONS[id].word, word, len) == 0 &&
             CLI_OPTIONS[id].word[len] == 0)) {
        id++;
    }
    if (id == OPT_COUNT) {
        return unknown_option(call->command, word, len);
    }
    const char *text = word[len] == '=' ? word + len + 1 : NULL;
    if (!CLI_OPTIONS[id].value && text) {
        return print_usage(call->command, "--%s takes no value", CLI_OPTIONS[id].word);
    }
    if (CLI_OPTIONS[id].value && !text) {
        text = *at + 1 < argc ? argv[++*at] : NULL;
        if (!text) {
            return print_usage(call->command, "--%s needs %s", CLI_OPTIONS[id].word,
                               CLI_OPTIONS[id].value);
        }
    }
    call->values[call->value_count++] = (struct call_value){id, text ? text : ""};
    return EXIT_DONE;
}

static int parse_words(int argc, char **argv, struct call *call)
{
    bool options_over = false;
    for (int at = 0; at < argc; at++) {
        if (!options_over && strcmp(argv[at], "--") == 0) {
            options_over = true;
        } else if (!options_over && argv[at][0] == '-' && argv[at][1]) {
            int status = parse_option(argc, argv, &at, call);
            if (status != EXIT_DONE) {
                return status;
            }
        } else {
            call->arguments[call->argument_count++] = argv[at];
        }
    }
    call->arguments[call->argument_count] = NULL;
    return EXIT_DONE;
}

static int check_arguments(const struct call *call)
{
    const struct command *command = call->command;
    if (call_has(call, OPT_HELP)) {
        return EXIT_DONE;
    }
    if (call->argument_count < command->least) {
        return print_usage(command, "%s needs %s", command->name, command->arguments);
    }
    if (call->argument_count > command->most) {
        return print_usage(command, "'%s' is one word too many", call->arguments[command->most]);
    }
    return EXIT_DONE;
}

int command_parse(int argc, char **argv, struct call *call)
{
    int words = 0;
    if (argc < 1) {
        return print_usage(NULL, "what shall horizon do?");
    }
    call->command = command_find(argc, argv, &words);
    if (!call->command) {
        return unknown_command(argc, argv);
    }
    int status = parse_words(argc - words, argv + words, call);
    return status == EXIT_DONE ? check_arguments(call) : status;
}

const char *call_option(const struct call *call, enum option_id option)
{
    const char *text = NULL;
    for (unsigned i = 0; i < call->value_count; i++) {
        if (call->values[i].option == option) {
            text = call->values[i].text;
        }
    }
    return text;
}

bool call_has(const struct call *call, enum option_id option)
{
    return call_option(call, option) != NULL;
}

const char *call_argument(const struct call *call, unsigned i)
{
    return i < call->argument_count ? call->arguments[i] : NULL;
}

unsigned call_options(const struct call *call, enum option_id option, const char **out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < call->value_count; i++) {
        if (call->values[i].option == option) {
            out[count++] = call->values[i].text;
        }
    }
    out[count] = NULL;
    return count;
}
