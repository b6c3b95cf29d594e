/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of commands and options. Parsing, --help, suggestions for misspelt words and shell
 * completion all come from its rows: a new command is one row and one function.
 *
 *   argv ─► command_parse() ─► struct call ─► command->run(call) ─► exit status
 *
 * A call lives as long as argv; nothing is copied.
 */
#pragma once

#include "cli/cli.h"

#include <stdint.h>

/* id, word, what its value is called (NULL: a flag), may come again, one sentence. */
#define OPTION_TABLE(X)                                                                  \
    X(OPT_CONFIG, "config", "FILE", false, "work on this configuration")                 \
    X(OPT_LISTEN, "listen", "ADDR:PORT", true, "listen here, UDP and TCP")               \
    X(OPT_ZONE, "zone", "ORIGIN=FILE", true, "serve this zone file to everyone")         \
    X(OPT_CONTROL, "control", "PATH", false, "control socket")                           \
    X(OPT_DATA, "data", "DIR", false, "folder for what is registered, and the image")    \
    X(OPT_API, "api", "ADDR:PORT", false, "loopback address of the API over TCP")        \
    X(OPT_WORKERS, "workers", "N", false, "threads that answer; 0: one a core")          \
    X(OPT_FROM, "from", "ADDR", false, "the client's address")                           \
    X(OPT_LISTENER, "listener", "NAME", false, "the listener that is asked")             \
    X(OPT_SUBNET, "subnet", "PREFIX", false, "client subnet option (RFC 7871)")          \
    X(OPT_AT, "at", "ADDR:PORT", false, "the server to ask")                             \
    X(OPT_TCP, "tcp", NULL, false, "over TCP")                                           \
    X(OPT_ACCEPT, "accept", "ZONE@SERIAL", true, "release this held reload")             \
    X(OPT_VIEW_A, "a", "VIEW", false, "the one view")                                    \
    X(OPT_VIEW_B, "b", "VIEW", false, "the other view")                                  \
    X(OPT_ALL, "all", NULL, false, "every zone, not only those with a problem")          \
    X(OPT_ADDRESS, "address", "ADDR[@VIEW]", true, "address of the instance")            \
    X(OPT_PORT, "port", "N", false, "its port")                                          \
    X(OPT_WEIGHT, "weight", "N", false, "its weight")                                    \
    X(OPT_PRIORITY, "priority", "N", false, "its priority in SRV")                       \
    X(OPT_TAG, "tag", "TAG", true, "a tag of it")                                        \
    X(OPT_META, "meta", "KEY=VALUE", true, "metadata of it")                             \
    X(OPT_SITE, "site", "SITE", false, "in this site")                                   \
    X(OPT_LEASE, "lease", "TIME", false, "must be renewed within this time")             \
    X(OPT_CHECK, "check", "KIND[:WHAT][,KEY=VALUE]...", true, "how it is checked")       \
    X(OPT_EXPECT, "expect", "REVISION", false, "only if it is at this revision; 0: new") \
    X(OPT_DRY_RUN, "dry-run", NULL, false, "judge it, and change nothing")               \
    X(OPT_PRUNE, "prune", NULL, false, "what is mine and not in the file goes")          \
    X(OPT_TO, "to", "SITE", false, "the site that must take over")                       \
    X(OPT_TTL, "ttl", "TIME", false, "the TTL while it waits; 5s unless told")           \
    X(OPT_BUDGET, "budget", "TIME", false, "where a service has none of its own")        \
    X(OPT_CACHES, "caches", "N", false, "caches that ask all the time; 100 unless told") \
    X(OPT_WAIT, "wait", "served|horizon", false, "until it is served, or caches know")   \
    X(OPT_SVG, "svg", NULL, false, "a picture of it on standard output")                 \
    X(OPT_DETACH, "detach", NULL, false, "begin, and do not wait")                       \
    X(OPT_REASON, "reason", "TEXT", false, "why")                                        \
    X(OPT_FOR, "for", "TIME", false, "how long it lasts")                                \
    X(OPT_ACTION, "action", "up|down|drain", false, "drain unless told")                 \
    X(OPT_OFF, "off", NULL, false, "end it")                                             \
    X(OPT_STATUS, "status", "STATUS", false, "passing, warning or critical")             \
    X(OPT_NOTE, "note", "TEXT", false, "what the status is about")                       \
    X(OPT_SERVER, "server", "SOCKET", false, "the control socket of the daemon to ask")  \
    X(OPT_JSON, "json", NULL, false, "JSON instead of text")                             \
    X(OPT_HELP, "help", NULL, false, "this text")

enum option_id {
#define X(id, word, value, many, text) id,
    OPTION_TABLE(X)
#undef X
    OPT_COUNT
};

struct cli_option {
    const char *word, *value;
    bool many;
    const char *text;
};
extern const struct cli_option CLI_OPTIONS[OPT_COUNT];

struct call;

struct command {
    const char *name;      /* one word or two: "view diff" */
    const char *arguments; /* as help shows them, or "" */
    unsigned least, most;  /* how many arguments */
    uint64_t options;      /* bit i: CLI_OPTIONS[i] */
    int (*run)(const struct call *call);
    const char *text;    /* one sentence */
    const char *example; /* after the program's name; NULL: none */
};
extern const struct command COMMANDS[];
extern const unsigned COMMAND_COUNT;

enum {
    CALL_WORDS_MAX = 4096
};

struct call {
    const struct command *command;
    int (*serve)(const struct cli_serve *serve);
    const char *program;
    const char **arguments; /* ends with NULL */
    unsigned argument_count;
    struct call_value {
        enum option_id option;
        const char *text; /* "" for a flag */
    } * values;
    unsigned value_count;
};

/* Finds the command and sorts the words. On failure says why on standard error and returns
 * EXIT_USAGE. `values` and `arguments` have room for argc words each. */
int command_parse(int argc, char **argv, struct call *call);
/* The command of this name ("view", "diff"), or NULL; *words is how many it took. */
const struct command *command_find(int argc, char **argv, int *words);

/* The last value of an option, NULL if it was not given. */
const char *call_option(const struct call *call, enum option_id option);
bool call_has(const struct call *call, enum option_id option);
/* Argument i, or NULL. */
const char *call_argument(const struct call *call, unsigned i);
/* All values of an option into out, ended by NULL; out has room for call->value_count + 1. */
unsigned call_options(const struct call *call, enum option_id option, const char **out);

/* The commands, one file each. */
int run_serve(const struct call *call);
int run_check(const struct call *call);
int run_explain(const struct call *call);
int run_query(const struct call *call);
int run_reload(const struct call *call);
int run_status(const struct call *call);
int run_register(const struct call *call);
int run_renew(const struct call *call);
int run_deregister(const struct call *call);
int run_services(const struct call *call);
int run_instances(const struct call *call);
int run_maintain(const struct call *call);
int run_sites(const struct call *call);
int run_drain(const struct call *call);
int run_undrain(const struct call *call);
int run_drains(const struct call *call);
int run_plan(const struct call *call);
int run_failover(const struct call *call);
int run_wait(const struct call *call);
int run_accept(const struct call *call);
int run_incidents(const struct call *call);
int run_failback(const struct call *call);
int run_apply(const struct call *call);
int run_history(const struct call *call);
int run_restore(const struct call *call);
int run_until(const struct call *call);
int run_view_diff(const struct call *call);
int run_reference(const struct call *call);
int run_manual(const struct call *call);
int run_completion(const struct call *call);
int run_version(const struct call *call);
int run_help(const struct call *call);

/* After a change with --wait horizon: until no cache that honours TTLs holds what the generation
 * replaced. Anything else returns at once. */
int wait_if_wanted(const struct call *call, long long generation);
/* EXIT_USAGE when --wait says something else than it may. */
int wait_check(const struct call *call);

/* Help of one command, or of all when NULL, on standard output. */
void help_print(const struct command *command);
