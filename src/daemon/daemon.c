/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/daemon.h"

#include "api/control_socket.h"
#include "base/error.h"
#include "daemon/discovery.h"
#include "daemon/drains.h"
#include "daemon/image.h"
#include "daemon/incident_watch.h"
#include "daemon/load.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/privileges.h"
#include "daemon/read_config.h"
#include "daemon/registry_routes.h"
#include "daemon/reload.h"
#include "daemon/routes.h"
#include "daemon/state.h"
#include "daemon/status.h"
#include "io/clock.h"
#include "io/socket.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* References of 32 bits count units of 8 bytes: more address space than this is of no use. */
#define SLAB_MOST_BYTES ((size_t)32 << 30)
#define SLAB_LEAST_BYTES ((size_t)64 << 20)

struct daemon {
    struct state state;
    struct diag_list findings; /* of the start */
    struct loop_signal *terminate, *interrupt, *hangup;
    struct loop_timer *alive;
    struct duration alive_period;
    int inherited[LIMIT_LISTENERS * LIMIT_WORKERS];
    uint32_t inherited_count;
    struct identity identity;
    struct file_stamp control_stamp; /* of the control socket, as it was made */
    bool loaded, ready;
    bool reload_wanted; /* asked for before there was anything to reload */
};

/* Tells what a step of the start found; 0 goes on. */
static int step_told(struct daemon *daemon, int err, const char *what)
{
    struct diag_list *findings = &daemon->findings;
    if (err != ERR_OK && (findings->errors == 0 || !findings->first)) {
        log_error("%s: %s", what, error_text(err));
    }
    log_diags(findings);
    diag_deinit(findings);
    diag_init(findings, daemon->state.alloc);
    return err;
}

/* A first signal asks for the end; handlers are gone then, so a second one ends at once. */
static void on_stop_signal(void *ctx)
{
    struct daemon *daemon = ctx;
    if (!daemon->state.stopping) {
        daemon->state.stopping = true;
        loop_signal_free(daemon->terminate);
        loop_signal_free(daemon->interrupt);
        daemon->terminate = daemon->interrupt = NULL;
        loop_stop(daemon->state.loop);
    }
}

/* Is what stands at the control socket's path still the socket that we made? */
static bool control_is_ours(const struct daemon *daemon)
{
    struct file_stamp now = file_stamp(daemon->state.control_path);
    return now.inode == daemon->control_stamp.inode && now.device == daemon->control_stamp.device;
}

static int replace_control(struct daemon *daemon)
{
    struct state *state = &daemon->state;
    struct control_socket_owner owner = {daemon->identity.user, daemon->identity.group};
    struct http *http = NULL;
    int fd = -1;
    int err = control_socket_open(state->control_path, &owner, &daemon->findings, &fd);
    if (err != ERR_OK) {
        return err;
    }
    err = http_new(state->alloc, state->loop, fd, ROUTES, state, &http);
    if (err != ERR_OK) {
        close(fd);
        return err;
    }
    http_free(state->http);
    state->http = http;
    daemon->control_stamp = file_stamp(state->control_path);
    return ERR_OK;
}

/* A control socket that somebody deleted or replaced can be reached by nobody: a reload by signal
 * is the way to get it back. */
static void mend_control(struct daemon *daemon)
{
    struct state *state = &daemon->state;
    if (!state->control_path[0] || control_is_ours(daemon)) {
        return;
    }
    if (reload_is_under_way(state->reload) ||
        discovery_is_under_way(
            state->discovery)) { /* somebody may wait for an answer over the old one */
        log_warning("the control socket %s is gone; send SIGHUP again when the reload is over",
                    state->control_path);
        return;
    }
    int err = replace_control(daemon);
    if (err == ERR_OK) {
        log_warning("the control socket %s was gone; made anew", state->control_path);
    } else {
        step_told(daemon, err, state->control_path);
        log_warning("no command reaches this server: its control socket %s is gone, and making it "
                    "anew failed; mend that and send SIGHUP",
                    state->control_path);
    }
}

static void on_reload_signal(void *ctx)
{
    struct daemon *daemon = ctx;
    if (!daemon->ready) {
        daemon->reload_wanted = true; /* zones of the first configuration are still being read */
        return;
    }
    mend_control(daemon);
    if (!daemon->state.stopping && reload_ask(daemon->state.reload, NULL, NULL) != ERR_OK) {
        log_error("no memory for a reload");
    }
}

static void on_retired(void *ctx)
{
    state_reclaim(ctx);
}

static void on_grace_over(void *ctx)
{
    loop_bell_ring(ctx);
}

static void on_alive(void *ctx)
{
    struct daemon *daemon = ctx;
    notify_alive();
    loop_timer_start(daemon->alive, daemon->alive_period);
}

static int open_loop(struct daemon *daemon)
{
    struct state *state = &daemon->state;
    int err = loop_new(state->alloc, &state->loop);
    if (err == ERR_OK) {
        err = loop_signal_new(state->loop, SIGTERM, on_stop_signal, daemon, &daemon->terminate);
    }
    if (err == ERR_OK) {
        err = loop_signal_new(state->loop, SIGINT, on_stop_signal, daemon, &daemon->interrupt);
    }
    if (err == ERR_OK) {
        err = loop_signal_new(state->loop, SIGHUP, on_reload_signal, daemon, &daemon->hangup);
    }
    if (err == ERR_OK) {
        err = loop_bell_new(state->loop, on_retired, state, &state->retired_bell);
    }
    return err;
}

static int open_core(struct daemon *daemon)
{
    struct state *state = &daemon->state;
    int err = memory_reserve(&state->memory, SLAB_MOST_BYTES, SLAB_LEAST_BYTES);
    if (err != ERR_OK) {
        return err;
    }
    size_t words = state->memory.reserved / TOLD_BYTES + 1;
    size_t bytes = words * sizeof(*state->ledger.until);
    if (memory_reserve(&state->ledger_memory, bytes, bytes) == ERR_OK) {
        state->ledger.until = (void *)state->ledger_memory.base;
        /* Its seconds end with those of the wall clock: shown whole, they lose nothing. */
        state->ledger.born.ns = clock_mono().ns - clock_wall().ns % 1000000000;
        kept_init(&state->ledger.kept, state->alloc, LIMIT_LEDGER_KEPT);
    } else {
        log_warning(
            "no address space to keep account of what is told: horizon until knows nothing");
    }
    state->backing = (struct slab_backing){
        .base = state->memory.base,
        .reserved = state->memory.reserved,
        .commit = state_commit,
        .ctx = state,
    };
    err = control_new(state->alloc, &state->backing, &state->control);
    if (err == ERR_OK && state->ledger.until) {
        control_ledger_set(state->control, &state->ledger);
    }
    if (err == ERR_OK) {
        err = publish_new(state->alloc, on_grace_over, state->retired_bell, &state->publish);
    }
    if (err == ERR_OK) {
        err = reload_new(state, &state->reload);
    }
    return err;
}

static bool is_configured(const struct desired *desired, const struct endpoint *endpoint)
{
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        const struct desired_listener *listener = &desired->listeners[i];
        if (listener->port == endpoint->port &&
            memcmp(&listener->address, &endpoint->address, sizeof(endpoint->address)) == 0) {
            return true;
        }
    }
    return false;
}

/* Sockets of the service manager that no listener wants: a mistake in one of the two files. */
static void warn_of_unused_sockets(const struct daemon *daemon, const struct desired *desired)
{
    for (uint32_t i = 0; i < daemon->inherited_count; i++) {
        struct endpoint endpoint;
        enum socket_kind kind;
        char wanted[512] = "", text[ENDPOINT_TEXT_BYTES];
        if (socket_describe(daemon->inherited[i], &kind, &endpoint) != ERR_OK) {
            log_warning("socket %u of the service manager is neither UDP nor TCP; it is not used",
                        i + 1);
            continue;
        }
        if (is_configured(desired, &endpoint)) {
            continue;
        }
        size_t at = 0;
        for (uint32_t j = 0; j < desired->listener_count && at + 64 < sizeof(wanted); j++) {
            struct endpoint own = {desired->listeners[j].address, desired->listeners[j].port};
            at += (size_t)snprintf(wanted + at, sizeof(wanted) - at, "%s%s", at ? ", " : "",
                                   endpoint_to_text(&own, text));
        }
        log_warning("the service manager handed over a %s socket at %s, but server.listen names "
                    "%s; it is not used; make the two agree",
                    kind == SOCKET_UDP ? "UDP" : "TCP", endpoint_to_text(&endpoint, text), wanted);
    }
}

static int open_server(struct daemon *daemon, struct epoch *epoch)
{
    struct state *state = &daemon->state;
    const struct config *config = epoch->config;
    daemon->inherited_count =
        notify_sockets(daemon->inherited, sizeof(daemon->inherited) / sizeof(int));
    warn_of_unused_sockets(daemon, &config->desired);
    struct server_options options = {
        .workers = config->workers,
        .tcp_connections = config->tcp_connections,
        .tcp_per_client = config->tcp_per_client,
        .tcp_reserve = config->tcp_reserve,
        .tcp_pipeline = config->tcp_pipeline,
        .tcp_first_byte_ms = config->tcp_first_byte_ms,
        .tcp_message_ms = config->tcp_message_ms,
        .tcp_idle_ms = config->tcp_idle_ms,
        .tcp_write_ms = config->tcp_write_ms,
        .inherited = daemon->inherited_count ? daemon->inherited : NULL,
        .inherited_count = daemon->inherited_count,
        .ledger = state->ledger.until ? &state->ledger : NULL,
    };
    return server_open(state->alloc, &epoch->config->desired, &options, state->publish,
                       &daemon->findings, &state->server);
}

/* Nobody named the socket's place: then it may be missing, but not in silence. */
static bool control_is_optional(const struct daemon *daemon, const struct config *config)
{
    return !daemon->state.options->control &&
           (!config->control || strcmp(config->control, "/run/horizon/control.sock") == 0);
}

static int open_control(struct daemon *daemon, const struct config *config)
{
    struct state *state = &daemon->state;
    struct control_socket_owner owner = {daemon->identity.user, daemon->identity.group};
    char usual[DAEMON_SOCKET_BYTES];
    const char *path = config->control;
    if (!path && (config->file || state->options->control)) {
        return ERR_OK; /* it is configured that there is none */
    }
    bool optional = control_is_optional(daemon, config);
    if (optional) {
        path = control_socket_default(usual, sizeof(usual));
    }
    int err = control_socket_open(path, &owner, &daemon->findings, &state->control_fd);
    if (err == ERR_OK) {
        snprintf(state->control_path, sizeof(state->control_path), "%s", path);
        daemon->control_stamp = file_stamp(path);
    } else if (optional) {
        log_warning("no control socket at %s (%s); --control names another place", path,
                    error_text(err));
        diag_deinit(&daemon->findings);
        diag_init(&daemon->findings, state->alloc);
        err = ERR_OK;
    }
    return err;
}

static int open_api(struct daemon *daemon, const struct config *config)
{
    const struct desired_listener *listen = &config->api_listen;
    struct endpoint endpoint = {listen->address, listen->port};
    char text[ENDPOINT_TEXT_BYTES];
    int fd;
    if (listen->port == 0) {
        return ERR_OK;
    }
    int err = socket_open(SOCKET_TCP, &endpoint, 0, &fd);
    if (err == ERR_OK && (err = socket_listen(fd)) != ERR_OK) {
        close(fd);
    }
    if (err != ERR_OK) {
        diag_add(&daemon->findings, SEVERITY_ERROR, listen->place,
                 err == ERR_BUSY ? "stop what listens there, or take another port" : NULL,
                 "the API cannot listen at %s: %s", endpoint_to_text(&endpoint, text),
                 error_text(err));
        return err;
    }
    daemon->state.api_fd = fd;
    return ERR_OK;
}

/* Everything that may need root, then giving it up. */
static int open_privileged(struct daemon *daemon, struct epoch *epoch)
{
    int err = identity_find(epoch->config, &daemon->findings, &daemon->identity);
    if (step_told(daemon, err, "user") != ERR_OK) {
        return err;
    }
    err = open_server(daemon, epoch);
    if (step_told(daemon, err, "listeners") != ERR_OK) {
        return err;
    }
    err = open_control(daemon, epoch->config);
    if (step_told(daemon, err, "control socket") != ERR_OK) {
        return err;
    }
    err = open_api(daemon, epoch->config);
    if (step_told(daemon, err, "api") != ERR_OK) {
        return err;
    }
    err =
        privileges_drop(&daemon->identity, epoch->config->keep_bind_capability, &daemon->findings);
    return step_told(daemon, err, "privileges");
}

static int take_zone(void *ctx, struct loaded_zone *loaded)
{
    struct daemon *daemon = ctx;
    return load_deliver(&daemon->state, loaded, &daemon->findings);
}

static void on_loaded(void *ctx)
{
    struct daemon *daemon = ctx;
    daemon->loaded = true;
    loop_stop(daemon->state.loop);
}

static int load_zones(struct daemon *daemon)
{
    struct state *state = &daemon->state;
    uint32_t *zones = NULL, count = 0;
    struct load_target target = {take_zone, true, on_loaded, daemon};
    int err = load_wanted(state, state->epoch, &zones, &count);
    if (err == ERR_OK) {
        err = load_start(state, &state->epoch->config->desired, zones, count, &target);
        mem_free(state->alloc, zones);
    }
    if (err == ERR_OK) {
        loop_run_until(state->loop, &daemon->loaded);
        diag_deinit(&daemon->findings); /* told one zone at a time */
        diag_init(&daemon->findings, state->alloc);
    }
    return err;
}

static void ready_line(const struct state *state)
{
    const struct desired *desired = &state->epoch->config->desired;
    char listeners[512] = "", text[DAEMON_ENDPOINT_BYTES];
    size_t at = 0;
    for (uint32_t i = 0; i < desired->listener_count && at + 64 < sizeof(listeners); i++) {
        at += (size_t)snprintf(listeners + at, sizeof(listeners) - at, ", %s",
                               state_listener_text(state, i, text));
    }
    uint32_t loaded = 0, total = control_zone_count(state->control);
    for (uint32_t i = 0; i < total; i++) {
        struct zone_status status;
        loaded += control_zone_status(state->control, i, &status) == ERR_OK &&
                  status.state != ZONE_UNLOADED;
    }
    char missing[48] = "";
    if (loaded < total) {
        snprintf(missing, sizeof(missing), " (%u not loaded)", total - loaded);
    }
    log_info("ready, %u %s%s, %u %s%s, pid %d", total, total == 1 ? "zone" : "zones", missing,
             desired->view_count, desired->view_count == 1 ? "view" : "views", listeners,
             (int)getpid());
    if (state->options->json) {
        json_t *status = status_to_json(state);
        json_dumpf(status, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(status);
    }
    status_notify(state, NULL);
}

static int start_control(struct daemon *daemon)
{
    struct state *state = &daemon->state;
    int err = ERR_OK;
    if (state->control_fd >= 0) {
        err = http_new(state->alloc, state->loop, state->control_fd, ROUTES, state, &state->http);
        if (err == ERR_OK) {
            state->control_fd = -1;
        }
    }
    if (err == ERR_OK && state->api_fd >= 0) {
        err = http_new(state->alloc, state->loop, state->api_fd, ROUTES, state, &state->api);
        if (err == ERR_OK) {
            state->api_fd = -1;
            http_guard(state->api, api_guard);
        }
    }
    daemon->alive_period = notify_watchdog_period();
    daemon->alive_period.ns /= 2;
    if (err == ERR_OK && daemon->alive_period.ns > 0) {
        err = loop_timer_new(state->loop, on_alive, daemon, &daemon->alive);
    }
    if (err == ERR_OK && daemon->alive) {
        on_alive(daemon);
    }
    return err;
}

/* From a bound server to one that answers. */
static int start_serving(struct daemon *daemon)
{
    struct state *state = &daemon->state;
    int err = publish_reserve(state->publish);
    if (step_told(daemon, err, "publish") != ERR_OK) {
        return err;
    }
    bool restored = state->image && image_restore(state->image) > 0;
    if (!restored) {
        err = load_zones(daemon);
        if (step_told(daemon, err, "zones") != ERR_OK || state->stopping) {
            return err;
        }
    }
    err = services_flush(discovery_services(state->discovery), clock_mono());
    if (step_told(daemon, err, "services") != ERR_OK) {
        return err;
    }
    state_publish(state);
    err = server_start(state->server);
    if (step_told(daemon, err, "workers") != ERR_OK) {
        return err;
    }
    err = start_control(daemon);
    if (step_told(daemon, err, "control socket") == ERR_OK) {
        ready_line(state);
        daemon->ready = true;
        discovery_ready(state->discovery);
        if (state->image) {
            image_ready(state->image);
        }
        if (daemon->reload_wanted) {
            on_reload_signal(daemon);
        }
    }
    return err;
}

static int daemon_start(struct daemon *daemon)
{
    struct state *state = &daemon->state;
    struct epoch *epoch = NULL;
    int err = read_config(state, &daemon->findings, &epoch);
    if (step_told(daemon, err, "configuration") != ERR_OK) {
        return err;
    }
    err = open_loop(daemon);
    if (err == ERR_OK) {
        err = open_core(daemon);
    }
    if (step_told(daemon, err, "start") == ERR_OK) {
        err = open_privileged(daemon, epoch);
    }
    if (err == ERR_OK) {
        err = image_new(state, epoch->config, &daemon->findings, &state->image);
        step_told(daemon, err, "image");
    }
    if (err == ERR_OK) {
        err = epoch_prepare(state, epoch);
        if (err == ERR_OK) {
            err = state_configure(state, epoch, NULL, &daemon->findings);
        }
        step_told(daemon, err, "configuration");
    }
    if (err != ERR_OK) {
        epoch_drop(state, epoch);
        return err;
    }
    err = discovery_new(state, &daemon->findings, &state->discovery);
    if (err == ERR_OK) {
        err = discovery_configure(state->discovery);
        services_settle(discovery_services(state->discovery));
    }
    err = err == ERR_OK ? drains_new(state, &state->drains) : err;
    err = err == ERR_OK ? incident_watch_new(state, &state->incident_watch) : err;
    if (step_told(daemon, err, "registry") != ERR_OK) {
        return err;
    }
    return start_serving(daemon);
}

/* What is published last has no successor whose grace period would hand it back. */
static void retire_all(struct state *state)
{
    if (!state->publish || !state->control) {
        return;
    }
    const struct snapshot *last = publish_current(state->publish);
    publish_wait(state->publish);
    state_reclaim(state);
    if (last) {
        control_retire(state->control, last);
    }
}

static void epochs_free(struct state *state)
{
    while (state->epochs) {
        struct epoch *epoch = state->epochs;
        state->epochs = epoch->next;
        epoch_drop(state, epoch);
    }
}

/* Undoes the start in reverse, however far it came. */
static void daemon_stop(struct daemon *daemon)
{
    struct state *state = &daemon->state;
    if (state->loop && state->reload) {
        while (reload_is_under_way(state->reload) ||
               (state->discovery && discovery_is_under_way(state->discovery)) ||
               (state->image && image_is_under_way(state->image))) {
            loop_run_once(state->loop);
        }
    }
    image_free(state->image);
    state->image = NULL;
    discovery_free(state->discovery);
    drains_free(state->drains);
    incident_watch_free(state->incident_watch);
    state->discovery = NULL;
    http_free(state->http);
    http_free(state->api);
    reload_free(state->reload);
    if (state->server) {
        server_stop(state->server);
    }
    retire_all(state);
    control_free(state->control);
    server_free(state->server);
    publish_free(state->publish);
    epochs_free(state);
    if (state->control_fd >= 0) {
        close(state->control_fd);
    }
    if (state->api_fd >= 0) {
        close(state->api_fd);
    }
    if (state->control_path[0] && control_is_ours(daemon)) {
        unlink(state->control_path);
    }
    loop_timer_free(daemon->alive);
    loop_bell_free(state->retired_bell);
    loop_signal_free(daemon->terminate);
    loop_signal_free(daemon->interrupt);
    loop_signal_free(daemon->hangup);
    loop_free(state->loop);
    memory_release(&state->memory);
    memory_release(&state->ledger_memory);
    if (state->ledger.kept.alloc) {
        kept_free(&state->ledger.kept);
    }
    diag_deinit(&daemon->findings);
}

/* Who waits for the line of JSON that says we are ready gets one that says we are not. */
static void tell_failure(const struct daemon_options *options, int err)
{
    if (options->json) {
        char reason[256];
        snprintf(reason, sizeof(reason), "the server did not start: %s", error_text(err));
        json_t *body = http_error_body("serve", reason, "standard error says why, and what helps");
        json_dumpf(body, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(body);
    }
}

int daemon_run(const struct daemon_options *options)
{
    struct daemon daemon = {
        .state = {.alloc = &ALLOC_MALLOC,
                  .options = options,
                  .control_fd = -1,
                  .api_fd = -1,
                  .started = clock_mono(),
                  .started_at = clock_wall()},
    };
    signal(SIGPIPE, SIG_IGN);
    diag_init(&daemon.findings, daemon.state.alloc);
    int err = daemon_start(&daemon);
    if (err == ERR_OK) {
        while (!daemon.state.stopping) {
            loop_run(daemon.state.loop);
        }
        notify_stopping();
        log_info("stopping");
    } else {
        tell_failure(options, err);
    }
    daemon_stop(&daemon);
    return err == ERR_OK ? 0 : 1;
}
