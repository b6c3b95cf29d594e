/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/zones.h"

#include "api/json_text.h"
#include "base/error.h"

#include <stdio.h>
#include <time.h>

const char *zone_state_name(enum zone_state state)
{
    static const char *const names[] = {
        [ZONE_UNLOADED] = "unloaded",
        [ZONE_LOADED] = "loaded",
        [ZONE_STALE] = "stale",
        [ZONE_HELD] = "held",
    };
    return names[state];
}

json_t *wall_to_json(struct wall at)
{
    if (at.ns == 0) {
        return json_null();
    }
    time_t seconds = (time_t)(at.ns / 1000000000);
    struct tm parts;
    char text[32];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

json_t *wall_ms_to_json(struct wall at)
{
    time_t seconds = (time_t)(at.ns / 1000000000);
    struct tm parts;
    char text[32], whole[64];
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(whole, sizeof(whole), "%s.%03dZ", text, (int)(at.ns / 1000000 % 1000));
    return json_string(whole);
}

static json_t *views_json(uint64_t only, const struct desired *desired)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < desired->view_count; i++) {
        if (only >> i & 1) {
            json_array_append_new(list, json_string(desired->views[i].name));
        }
    }
    return list;
}

json_t *zone_to_json(const struct zone_status *status, const struct desired *desired)
{
    bool served = status->state != ZONE_UNLOADED;
    return json_pack(
        "{s:s, s:o, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "name", status->origin, "file",
        json_text(status->file), "state", zone_state_name(status->state), "serial",
        served ? json_integer(status->serial) : json_null(), "held_serial",
        status->held ? json_integer(status->held_serial) : json_null(), "names",
        (json_int_t)status->names, "records", (json_int_t)status->records, "overlay_names",
        (json_int_t)status->overlay_names, "views", views_json(status->only, desired), "loaded_at",
        wall_to_json(status->loaded_at), "problem", json_text(status->problem));
}

json_t *zones_to_json(const struct control *control, const struct desired *desired)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < control_zone_count(control); i++) {
        struct zone_status status;
        if (control_zone_status(control, i, &status) == ERR_OK) {
            json_array_append_new(list, zone_to_json(&status, desired));
        }
    }
    return list;
}

json_t *zones_count_json(const struct control *control)
{
    json_int_t count[ZONE_HELD + 1] = {0}, total = control_zone_count(control);
    for (uint32_t i = 0; i < total; i++) {
        struct zone_status status;
        if (control_zone_status(control, i, &status) == ERR_OK) {
            count[status.state]++;
        }
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "total", total, "loaded", count[ZONE_LOADED],
                     "unloaded", count[ZONE_UNLOADED], "stale", count[ZONE_STALE], "held",
                     count[ZONE_HELD]);
}

json_t *diags_to_json(const struct diag_list *diags)
{
    json_t *list = json_array();
    for (const struct diag *diag = diags->first; diag; diag = diag->next) {
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:I, s:I, s:o, s:o}", "severity",
                            diag->severity == SEVERITY_ERROR ? "error" : "warning", "file",
                            json_text(diag->place.file), "line", (json_int_t)diag->place.line,
                            "column", (json_int_t)diag->place.column, "text", json_text(diag->text),
                            "mend", json_text(diag->mend)));
    }
    return list;
}
