/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/status.h"

#include "api/json_text.h"
#include "api/zones.h"
#include "base/error.h"
#include "daemon/discovery.h"
#include "daemon/image.h"
#include "daemon/notify.h"
#include "daemon/reload.h"
#include "io/clock.h"

#include <stdio.h>
#include <unistd.h>

static json_t *listeners_json(const struct state *state)
{
    const struct desired *desired = &state->epoch->config->desired;
    json_t *list = json_array();
    for (uint32_t i = 0; i < desired->listener_count; i++) {
        char text[DAEMON_ENDPOINT_BYTES];
        json_array_append_new(list, json_pack("{s:s?, s:s}", "name", desired->listeners[i].name,
                                              "address", state_listener_text(state, i, text)));
    }
    return list;
}

/* `view` is the server's: an index, LIMIT_VIEWS for no view, -1 for the sum. */
static json_t *counters_json(const struct state *state, int view)
{
    json_t *counters = json_object();
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (view < 0 || counter_per_view(i)) {
            uint64_t value = server_counter(state->server, i, view);
            json_object_set_new(counters, counter_name(i), json_integer((json_int_t)value));
        }
    }
    return counters;
}

static json_t *views_json(const struct state *state)
{
    const struct desired *desired = &state->epoch->config->desired;
    json_t *list = json_array();
    for (uint32_t i = 0; i < desired->view_count; i++) {
        const struct desired_view *view = &desired->views[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:b, s:b, s:I, s:o}", "name", view->name, "internal",
                                        (int)view->internal, "default", (int)view->is_default,
                                        "prefixes", (json_int_t)view->match_count, "counters",
                                        counters_json(state, (int)i)));
    }
    return list;
}

static json_t *memory_json(const struct state *state)
{
    struct control_memory memory;
    control_memory(state->control, &memory);
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "live_bytes", (json_int_t)memory.live_bytes,
                     "free_bytes", (json_int_t)memory.free_bytes, "retired_bytes",
                     (json_int_t)memory.retired_bytes, "committed_bytes",
                     (json_int_t)state->memory.committed, "reserved_bytes",
                     (json_int_t)state->memory.reserved);
}

static json_t *registry_json(const struct state *state)
{
    struct discovery_status status;
    json_t *verdicts = json_object();
    discovery_status(state->discovery, &status);
    for (unsigned i = 0; i < VERDICT_COUNT; i++) {
        json_object_set_new(verdicts, verdict_name((enum verdict)i),
                            json_integer((json_int_t)status.count.by_verdict[i]));
    }
    static const char *const brakes[] = {"off", "on", "spent"};
    struct storm_status storm;
    services_storm(discovery_services(state->discovery), &storm);
    json_t *brake =
        json_pack("{s:s, s:o, s:I, s:I}", "state", brakes[storm.state], "why",
                  storm.state == BRAKE_OFF ? json_null() : json_text(storm.why), "targets",
                  (json_int_t)storm.figures.targets, "failing", (json_int_t)storm.figures.failing);
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:b, s:o, s:o, s:{s:I, s:I, s:I}}",
        "revision", (json_int_t)status.revision, "services", (json_int_t)status.count.services,
        "instances", (json_int_t)status.count.instances, "checks", (json_int_t)status.count.checks,
        "probes", (json_int_t)status.count.probes, "checks_not_made", (json_int_t)status.not_made,
        "probes_delayed", (json_int_t)status.delayed, "verdicts", verdicts, "waiting",
        (json_int_t)status.waiting, "durable", (int)status.durable, "error",
        status.broken     ? json_string("the registry could not be opened at the start")
        : status.last_err ? json_text(error_text(status.last_err))
                          : json_null(),
        "storm_brake", brake, "publish_us", "median", (json_int_t)status.publish_median_us, "p99",
        (json_int_t)status.publish_p99_us, "samples", (json_int_t)status.publish_samples);
}

static json_t *last_reload_json(const struct state *state)
{
    const json_t *last = reload_last(state->reload);
    return last ? json_deep_copy(last) : json_null();
}

json_t *status_to_json(const struct state *state)
{
    const struct desired *desired = &state->epoch->config->desired;
    int64_t uptime_s = mono_since(clock_mono(), state->started).ns / 1000000000;
    json_t *status = json_pack(
        "{s:s, s:I, s:o, s:o, s:I, s:o, s:I, s:I, s:o}", "version", HORIZON_VERSION, "pid",
        (json_int_t)getpid(), "config", json_text(state->options->config), "started_at",
        wall_to_json(state->started_at), "uptime_s", (json_int_t)uptime_s, "listeners",
        listeners_json(state), "workers", (json_int_t)server_worker_count(state->server),
        "tcp_open", (json_int_t)server_tcp_open(state->server), "memory", memory_json(state));
    json_object_set_new(status, "zone_count", zones_count_json(state->control));
    json_object_set_new(status, "zones", zones_to_json(state->control, desired));
    json_object_set_new(status, "views", views_json(state));
    json_object_set_new(status, "no_view", counters_json(state, LIMIT_VIEWS));
    json_object_set_new(status, "counters", counters_json(state, -1));
    json_object_set_new(status, "registry", registry_json(state));
    json_object_set_new(status, "image", image_to_json(state->image));
    json_object_set_new(status, "last_reload", last_reload_json(state));
    return status;
}

void status_notify(const struct state *state, const char *event)
{
    char text[128];
    uint32_t zones = control_zone_count(state->control);
    uint32_t views = state->epoch->config->desired.view_count;
    snprintf(text, sizeof(text), "%s%s%u %s, %u %s", event ? event : "", event ? "; " : "", zones,
             zones == 1 ? "zone" : "zones", views, views == 1 ? "view" : "views");
    notify_ready(text);
}
