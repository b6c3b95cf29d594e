/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/options.h"

#include "config/read.h"

#include <stdio.h>
#include <string.h>

#define FIELD(type, member) \
    .offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)

enum {
    MS = 1,
    SECOND = 1000 * MS,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
    SOCKET_PATH_MAX = 107, /* unix(7): sun_path and its terminator are 108 bytes */
    PATH_TEXT_MAX = 4095,
    TEXT_MAX = 255, /* one character string of a TXT record */
};

/* In the order in which they are read, and in which the reference page shows them. */
/* clang-format off */
const struct option OPTIONS[] = {
    {.path = "server", .type = OPTION_GROUP, .flags = OPTION_REQUIRED, .read = read_group,
     .text = "The process: where it listens, as whom it runs, what a client may cost."},
    {.path = "server.listen", .type = OPTION_LIST, .flags = OPTION_REQUIRED, .read = read_listen,
     .text = "Addresses and ports for UDP and TCP; an item is ADDR:PORT or a map with a name."},
    {.path = "server.listen[].name", .type = OPTION_TEXT, .min = 1, .max = 63,
     FIELD(desired_listener, name),
     .text = "What views call this listener in their matches."},
    {.path = "server.listen[].address", .type = OPTION_ENDPOINT, .flags = OPTION_REQUIRED,
     .text = "ADDR:PORT, an IPv6 address in brackets and the whole in quotes: \"[::1]:53\"."},
    {.path = "server.workers", .type = OPTION_NUMBER, .flags = OPTION_RESTART, .fallback = "0",
     .max = LIMIT_WORKERS, FIELD(config, workers),
     .text = "Threads that answer; 0 is one a core."},
    {.path = "server.user", .type = OPTION_TEXT, .flags = OPTION_RESTART, .min = 1, .max = TEXT_MAX,
     FIELD(config, user),
     .text = "User to become once all sockets are open; without it the process stays who it is."},
    {.path = "server.group", .type = OPTION_TEXT, .flags = OPTION_RESTART, .min = 1,
     .max = TEXT_MAX, FIELD(config, group),
     .text = "Group to become; without it the main group of `server.user`."},
    {.path = "server.control", .type = OPTION_PATH, .flags = OPTION_RESTART,
     .fallback = "/run/horizon/control.sock", .max = SOCKET_PATH_MAX, FIELD(config, control),
     .text = "Path of the unix socket that the command line asks; empty text is none."},
    {.path = "server.data", .type = OPTION_PATH, .flags = OPTION_RESTART, .max = TEXT_MAX,
     FIELD(config, data),
     .text = "Folder for the image of all zones, from which a start answers at once, also when "
             "every zone file is gone; without it nothing is kept on disk."},
    {.path = "server.image-interval", .type = OPTION_DURATION, .flags = OPTION_RESTART,
     .fallback = "1m", .min = 1000, .max = 24 * HOUR, FIELD(config, image_interval_ms),
     .text = "Shortest time between two writings of the image; a stop writes it, too."},
    {.path = "server.keep-bind-capability", .type = OPTION_BOOL, .flags = OPTION_RESTART,
     .fallback = "false", FIELD(config, keep_bind_capability),
     .text = "Keep CAP_NET_BIND_SERVICE, so that a reload can open a new port below 1024."},
    {.path = "server.nsid", .type = OPTION_TEXT, .min = 1, .max = 2 * LIMIT_NSID_BYTES + 2,
     FIELD(config, nsid), .read = read_nsid,
     .text = "Server identifier for clients that ask (RFC 5001): text, or bytes as 0x and hex."},
    {.path = "server.version-bind", .type = OPTION_TEXT, .max = TEXT_MAX,
     FIELD(config, version_bind),
     .text = "Answer to CHAOS TXT version.bind and version.server; without it they are refused."},
    {.path = "server.id-server", .type = OPTION_TEXT, .max = TEXT_MAX, FIELD(config, id_server),
     .text = "Answer to CHAOS TXT id.server and hostname.bind; without it they are refused."},
    {.path = "server.udp-payload", .type = OPTION_NUMBER, .fallback = "1232",
     .min = LIMIT_UDP_PLAIN, .max = 4096, .unit = "bytes", FIELD(config, udp_payload),
     .text = "Longest UDP reply, also offered as the EDNS buffer size."},
    {.path = "server.tcp", .type = OPTION_GROUP, .read = read_group,
     .text = "What TCP clients may take, and when a slow one is cut."},
    {.path = "server.tcp.connections", .type = OPTION_NUMBER, .flags = OPTION_RESTART,
     .fallback = "1000", .min = 1, .max = 1000000, FIELD(config, tcp_connections),
     .text = "Open connections of the whole server."},
    {.path = "server.tcp.per-client", .type = OPTION_NUMBER, .flags = OPTION_RESTART,
     .fallback = "64", .min = 1, .max = 1000000, FIELD(config, tcp_per_client),
     .text = "Open connections of one client: an IPv4 address or an IPv6 /64."},
    {.path = "server.tcp.reserve", .type = OPTION_NUMBER, .flags = OPTION_RESTART,
     .fallback = "100", .max = 1000000, FIELD(config, tcp_reserve),
     .text = "Places among the connections that only a client without another one may take."},
    {.path = "server.tcp.first-byte", .type = OPTION_DURATION, .flags = OPTION_RESTART,
     .fallback = "2s", .min = 100 * MS, .max = HOUR, FIELD(config, tcp_first_byte_ms),
     .text = "How long a new connection may send nothing."},
    {.path = "server.tcp.message", .type = OPTION_DURATION, .flags = OPTION_RESTART,
     .fallback = "5s", .min = 100 * MS, .max = HOUR, FIELD(config, tcp_message_ms),
     .text = "How long one query may take from its first byte to its last."},
    {.path = "server.tcp.idle", .type = OPTION_DURATION, .flags = OPTION_RESTART,
     .fallback = "10s", .min = 100 * MS, .max = HOUR, FIELD(config, tcp_idle_ms),
     .text = "How long a connection may rest between queries."},
    {.path = "server.tcp.write", .type = OPTION_DURATION, .flags = OPTION_RESTART,
     .fallback = "5s", .min = 100 * MS, .max = HOUR, FIELD(config, tcp_write_ms),
     .text = "How long a client may leave a reply unread."},
    {.path = "server.tcp.pipeline", .type = OPTION_NUMBER, .flags = OPTION_RESTART,
     .fallback = "64", .min = 1, .max = 1024, FIELD(config, tcp_pipeline),
     .text = "Queries of one connection that are answered before the replies are written."},

    {.path = "reload", .type = OPTION_GROUP, .read = read_group,
     .text = "When a reload of a zone waits for a person: both limits must be passed."},
    {.path = "reload.hold-removed-percent", .type = OPTION_NUMBER, .fallback = "5", .max = 100,
     .unit = "percent", FIELD(config, hold_removed_percent),
     .text = "Share of a zone's names that may go in one reload; 100 never holds."},
    {.path = "reload.hold-removed-names", .type = OPTION_NUMBER, .fallback = "10",
     .max = UINT32_MAX, .unit = "names", FIELD(config, hold_removed_names),
     .text = "Names that may go in one reload, whatever their share."},

    {.path = "views", .type = OPTION_NAMED, .read = read_views_map,
     .text = "Audiences, each with a name; without any, one internal view holds every client."},
    {.path = "views.NAME.internal", .type = OPTION_BOOL, .fallback = "false",
     FIELD(desired_view, internal),
     .text = "This view may hand out private addresses; the leak guard leaves it alone."},
    {.path = "views.NAME.default", .type = OPTION_BOOL, .fallback = "false",
     FIELD(desired_view, is_default),
     .text = "Clients that match no view are in this one; without a default they are refused."},
    {.path = "views.NAME.match", .type = OPTION_LIST, .read = read_match,
     .text = "Clients of the view: prefixes, or maps that also name a listener. A match that names "
             "the listener wins, then the longest prefix."},
    {.path = "views.NAME.match[].prefix", .type = OPTION_PREFIX, .flags = OPTION_REQUIRED,
     FIELD(desired_match, prefix),
     .text = "Source addresses, as 10.0.0.0/8 or 2001:db8::/32; no IPv6 prefix holds IPv4 clients, "
             "not even ::/0."},
    {.path = "views.NAME.match[].listener", .type = OPTION_LISTENER,
     FIELD(desired_match, listener),
     .text = "Only queries that arrive on the listener of this name."},
    {.path = "views.NAME.client-subnet-from", .type = OPTION_PREFIXES, .read = read_subnet_from,
     .text = "Resolvers whose client subnet option (RFC 7871) decides the view; from all others "
             "the option is ignored."},

    {.path = "zones", .type = OPTION_LIST, .read = read_zones,
     .text = "What is served. A name may stand here more than once when the views differ."},
    {.path = "zones[].zone", .type = OPTION_NAME, .flags = OPTION_REQUIRED,
     FIELD(desired_zone, origin), .text = "Name of the zone."},
    {.path = "zones[].file", .type = OPTION_PATH, .flags = OPTION_REQUIRED, .min = 1,
     .max = PATH_TEXT_MAX, FIELD(desired_zone, file),
     .text = "Zone file that every view of the zone sees; relative to the configuration's folder."},
    {.path = "zones[].only", .type = OPTION_VIEWS, FIELD(desired_zone, only),
     .text = "Views in which the zone exists; without it, all."},
    {.path = "zones[].subtrees", .type = OPTION_LIST, .read = read_subtrees,
     .text = "Names in the zone that exist, with all below them, only in some views."},
    {.path = "zones[].subtrees[].name", .type = OPTION_NAME, .flags = OPTION_REQUIRED,
     FIELD(desired_subtree, name), .read = read_owner,
     .text = "Top of the subtree, in full or relative to the zone."},
    {.path = "zones[].subtrees[].only", .type = OPTION_VIEWS, .flags = OPTION_REQUIRED,
     FIELD(desired_subtree, only), .text = "Views in which the subtree exists."},
    {.path = "zones[].overlays", .type = OPTION_LIST, .read = read_overlays,
     .text = "What differs from the zone file in some views."},
    {.path = "zones[].overlays[].view", .type = OPTION_VIEWS, FIELD(desired_overlay, views),
     .text = "The view, or a list of views, that the overlay changes."},
    {.path = "zones[].overlays[].views", .type = OPTION_VIEWS, FIELD(desired_overlay, views),
     .text = "The same as `view`; one of the two is needed."},
    {.path = "zones[].overlays[].reason", .type = OPTION_REASON, .min = 1, .max = 1024,
     FIELD(desired_overlay, reason),
     .text = "Why the views differ; `horizon view diff` calls such a difference declared."},
    {.path = "zones[].overlays[].remove", .type = OPTION_REMOVALS, .read = read_removals,
     .text = "Names, or NAME TYPE, that the view does not have."},
    {.path = "zones[].overlays[].replace", .type = OPTION_EDITS, .read = read_edits,
     .text = "NAME: [TTL] TYPE RDATA, or a list of those: replaces A, AAAA, CNAME, HTTPS, SVCB and "
             "SRV of the name together; with NAME TYPE as the key, only that type."},
    {.path = "zones[].overlays[].add", .type = OPTION_EDITS, .read = read_edits,
     .text = "NAME: [TTL] TYPE RDATA, or a list of those: added to what the zone file has."},
    {.path = "zones[].overlays[].file", .type = OPTION_PATH, .min = 1, .max = PATH_TEXT_MAX,
     FIELD(desired_overlay, file),
     .text = "More of the overlay as zone text: every owner name in it is a `replace`."},

    {.path = "leak-guard", .type = OPTION_GROUP, .read = read_group,
     .text = "The guard that refuses private addresses in views that are not internal."},
    {.path = "leak-guard.exceptions", .type = OPTION_LIST, .read = read_exceptions,
     .text = "Private addresses that such a view may hand out nevertheless."},
    {.path = "leak-guard.exceptions[].name", .type = OPTION_NAME, .flags = OPTION_REQUIRED,
     FIELD(desired_exception, name),
     .text = "The name, in full; \"*.NAME\", in quotes, covers everything below NAME."},
    {.path = "leak-guard.exceptions[].views", .type = OPTION_VIEWS, .flags = OPTION_REQUIRED,
     FIELD(desired_exception, views), .text = "Views that may hand the address out."},
    {.path = "leak-guard.exceptions[].prefix", .type = OPTION_PREFIX, .flags = OPTION_REQUIRED,
     FIELD(desired_exception, prefix), .text = "Addresses that may be handed out."},
    {.path = "leak-guard.exceptions[].reason", .type = OPTION_REASON, .flags = OPTION_REQUIRED,
     .min = 1, .max = 1024, FIELD(desired_exception, reason),
     .text = "Why this is no leak; shown where the exception is used."},
};
/* clang-format on */

const unsigned OPTION_COUNT = sizeof(OPTIONS) / sizeof(*OPTIONS);

static const char *const TYPE_NAMES[] = {
    [OPTION_GROUP] = "map",
    [OPTION_LIST] = "list",
    [OPTION_NAMED] = "map of names",
    [OPTION_NUMBER] = "number",
    [OPTION_BOOL] = "true or false",
    [OPTION_DURATION] = "duration",
    [OPTION_TEXT] = "text",
    [OPTION_PATH] = "path",
    [OPTION_REASON] = "text",
    [OPTION_NAME] = "domain name",
    [OPTION_VIEWS] = "view or list of views",
    [OPTION_LISTENER] = "name of a listener",
    [OPTION_PREFIX] = "prefix",
    [OPTION_PREFIXES] = "list of prefixes",
    [OPTION_ENDPOINT] = "address and port",
    [OPTION_EDITS] = "map of names to records",
    [OPTION_REMOVALS] = "list of names",
};

const char *option_type_name(enum option_type type)
{
    return TYPE_NAMES[type];
}

const struct option *option_find(const char *path)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(OPTIONS[i].path, path) == 0) {
            return &OPTIONS[i];
        }
    }
    return NULL;
}

const char *option_key(const struct option *option)
{
    const char *dot = strrchr(option->path, '.');
    return dot ? dot + 1 : option->path;
}

bool option_in_group(const struct option *option, const char *group)
{
    const char *key = option_key(option);
    size_t len = strlen(group);
    if (len == 0) {
        return key == option->path;
    }
    return (size_t)(key - option->path) == len + 1 && strncmp(option->path, group, len) == 0;
}

char *duration_to_text(uint32_t ms, char out[DURATION_TEXT_BYTES])
{
    static const struct {
        uint32_t ms;
        const char *name;
    } units[] = {{HOUR, "h"}, {MINUTE, "m"}, {SECOND, "s"}, {MS, "ms"}};
    unsigned i = 0;
    while (ms == 0 ? i < 2 : ms % units[i].ms != 0) {
        i++;
    }
    snprintf(out, DURATION_TEXT_BYTES, "%u%s", ms / units[i].ms, units[i].name);
    return out;
}

char *option_range_text(const struct option *option, char out[RANGE_TEXT_BYTES])
{
    char low[DURATION_TEXT_BYTES], high[DURATION_TEXT_BYTES];
    const char *unit = option->unit ? option->unit : "";
    out[0] = '\0';
    if (option->type == OPTION_DURATION) {
        snprintf(out, RANGE_TEXT_BYTES, "%s to %s", duration_to_text(option->min, low),
                 duration_to_text(option->max, high));
    } else if (option->type == OPTION_NUMBER) {
        snprintf(out, RANGE_TEXT_BYTES, "%u to %u%s%s", option->min, option->max, *unit ? " " : "",
                 unit);
    } else if (option->max > 0) {
        snprintf(out, RANGE_TEXT_BYTES, "at most %u bytes", option->max);
    }
    return out;
}

char *option_value_text(const struct option *option, const void *group,
                        char out[OPTION_VALUE_BYTES])
{
    const void *field = (const char *)group + option->offset;
    char duration[DURATION_TEXT_BYTES];
    const char *text = NULL;
    switch (option->type) {
    case OPTION_NUMBER:
        snprintf(out, OPTION_VALUE_BYTES, "%u",
                 option->size == sizeof(uint16_t) ? *(const uint16_t *)field
                                                  : *(const uint32_t *)field);
        return out;
    case OPTION_BOOL:
        text = *(const bool *)field ? "true" : "false";
        break;
    case OPTION_DURATION:
        text = duration_to_text(*(const uint32_t *)field, duration);
        break;
    default:
        text = *(const char *const *)field;
        break;
    }
    snprintf(out, OPTION_VALUE_BYTES, "%s", text ? text : "none");
    return out;
}
