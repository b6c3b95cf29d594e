/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/options.h"

#include "config/read.h"

#include <stdio.h>
#include <string.h>

#define FIELD(type, member) \
    .offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)

/* Of a row with a reader of its own, which knows what lies there. */
#define PLACE(type, member) .offset = offsetof(struct type, member)

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
    {.path = "zones[].registry", .type = OPTION_BOOL, .fallback = "false",
     FIELD(desired_zone, registry),
     .text = "Names are registered here: every negative answer lives 5 s at most, also for names "
             "never seen."},
    {.path = "zones[].registry-below", .type = OPTION_NAMES, .read = read_registry_below,
     .text = "The same for these names and all below them, in full or relative to the zone."},
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

    {.path = "sites", .type = OPTION_NAMED, .read = read_sites,
     .text = "Datacenters, by their clients; for services whose `locality` follows the client."},
    {.path = "sites.NAME.match", .type = OPTION_PREFIXES, .read = read_site_match,
     .text = "Source addresses of clients in the site, as 10.1.0.0/16; the longest prefix wins."},
    {.path = "sites.NAME.near", .type = OPTION_TEXTS, FIELD(desired_site, near),
     .read = read_texts, .text = "Other sites, the nearest first."},
    {.path = "sites.NAME.checks", .type = OPTION_LIST, PLACE(desired_site, checks),
     .read = read_checks,
     .text = "Checks of the site as a whole, as `services[].checks`, each with a `target` and a "
             "`port`; when they fail, it is down for every service."},
    {.path = "sites.NAME.need", .type = OPTION_NUMBER, .fallback = "0", .max = LIMIT_CHECKS,
     .unit = "checks", FIELD(desired_site, need),
     .text = "How many of the site's checks must pass; 0: all."},
    {.path = "sites.NAME.gate", .type = OPTION_LIST, PLACE(desired_site, gate),
     .read = read_checks,
     .text = "One check that passes when nothing is connected to the site any more (a command that "
             "counts, or a page that says so); a drain waits for it at the end."},
    {.path = "services", .type = OPTION_LIST, .read = read_services,
     .text = "Names that are answered from what is registered and checked; others may be "
             "registered while the server runs."},
    {.path = "services[].service", .type = OPTION_NAME, .flags = OPTION_REQUIRED,
     FIELD(service, name), .text = "The name, in full; in a zone that is served."},
    {.path = "services[].policy", .type = OPTION_WORD, .fallback = "all", .read = read_policy,
     .text = "all (rotated), some (`answers` of them, the same for the same client) or weighted "
             "(`answers` of them, drawn by weight)."},
    {.path = "services[].answers", .type = OPTION_NUMBER, .fallback = "1", .min = 1,
     .max = LIMIT_ANSWERS, FIELD(service, answers),
     .text = "How many addresses the policies some and weighted give."},
    {.path = "services[].ttl", .type = OPTION_DURATION, .fallback = "5s", .min = SECOND,
     .max = 24 * HOUR, .read = read_ttl, .text = "TTL of the answers."},
    {.path = "services[].panic", .type = OPTION_NUMBER, .fallback = "0", .max = 100,
     .unit = "percent", FIELD(service, panic_percent),
     .text = "Below this share of working instances all are answered; 0: never while one works."},
    {.path = "services[].closed", .type = OPTION_BOOL, .fallback = "false",
     FIELD(service, closed),
     .text = "When no instance works, answer nothing, instead of all that ever worked."},
    {.path = "services[].keep-last", .type = OPTION_BOOL, .fallback = "false",
     FIELD(service, keep_last), .text = "The last instance cannot be deregistered."},
    {.path = "services[].slow-start", .type = OPTION_DURATION, .fallback = "0s", .max = 24 * HOUR,
     FIELD(service, slow_start_ms),
     .text = "After a recovery the weight of an instance grows in tenths for so long."},
    {.path = "services[].remove-after", .type = OPTION_DURATION, .fallback = "1h",
     .max = 168 * HOUR, FIELD(service, critical_remove_ms),
     .text = "An instance whose lease ran out is removed after this; 0s: never."},
    {.path = "services[].flap-half-life", .type = OPTION_DURATION, .fallback = "1m",
     .max = 24 * HOUR, FIELD(service, flap_half_life_ms),
     .text = "In which the penalty of a flapping check halves; 0s: none is kept."},
    {.path = "services[].flap-hold", .type = OPTION_WORD, .fallback = "down",
     .read = read_flap_hold, .text = "down or up: where a flapping instance is held."},
    {.path = "services[].sites", .type = OPTION_TEXTS, FIELD(service, sites), .read = read_texts,
     .text = "Sites in the order of preference; the first that is not down is answered."},
    {.path = "services[].site-share", .type = OPTION_NUMBER, .fallback = "50", .max = 100,
     .unit = "percent", FIELD(service, site_percent),
     .text = "A site is down when less than this share of its weight works."},
    {.path = "services[].active", .type = OPTION_BOOL, .fallback = "false",
     FIELD(service, active),
     .text = "Every one of `sites` that is not down is answered, instead of the first alone."},
    {.path = "services[].views-together", .type = OPTION_BOOL, .fallback = "false",
     FIELD(service, sites_together),
     .text = "A site that is down in one view is down in all of them."},
    {.path = "services[].failback", .type = OPTION_DURATION, .fallback = "1m", .max = 24 * HOUR,
     FIELD(service, failback_ms),
     .text = "How long a site must work again before it is answered, and never shorter than the "
             "TTL; doubled for each failover within the hour."},
    {.path = "services[].failback-manual", .type = OPTION_BOOL, .fallback = "false",
     FIELD(service, failback_manual),
     .text = "A site that works again waits for `horizon failback`."},
    {.path = "services[].budget", .type = OPTION_DURATION, .fallback = "0s", .max = 24 * HOUR,
     FIELD(service, budget_ms),
     .text = "Within which a failover must be over, from the failure to the last cache; `check` "
             "says when that cannot be; 0s: no budget."},
    {.path = "services[].locality", .type = OPTION_WORD, .fallback = "any",
     .read = read_locality,
     .text = "any; prefer (the client's site first, then `sites`), nearest (then those near it), "
             "or pin (never another one)."},
    {.path = "services[].srv", .type = OPTION_TEXTS, FIELD(service, srv), .read = read_texts,
     .text = "Pairs of labels below the name that have SRV (RFC 2782), as _http._tcp."},
    {.path = "services[].over-zone", .type = OPTION_BOOL, .fallback = "false",
     FIELD(service, over_zone),
     .text = "The name stands in the zone file, too: its addresses are answered from here, all "
             "else from the file. Only in the configuration."},
    {.path = "services[].https", .type = OPTION_BOOL, .fallback = "false", FIELD(service, https),
     .text = "HTTPS records, one a port, with the addresses as hints (RFC 9460)."},
    {.path = "services[].svcb", .type = OPTION_BOOL, .fallback = "false", FIELD(service, svcb),
     .text = "SVCB records, one a port, with the addresses as hints (RFC 9460)."},
    {.path = "services[].tags", .type = OPTION_TEXTS, FIELD(service, tags), .read = read_texts,
     .text = "Tags that are names of their own below the service."},
    {.path = "services[].checks", .type = OPTION_LIST, PLACE(service, checks),
     .read = read_checks, .text = "How each instance is checked; an item is a map, or a kind."},
    {.path = "services[].checks[].kind", .type = OPTION_WORD, .flags = OPTION_REQUIRED,
     .read = read_nothing,
     .text = "tcp, held, http, dns, ttl, command, file, calculated or alias."},
    {.path = "services[].checks[].name", .type = OPTION_TEXT, .min = 1, .max = 63,
     FIELD(check, name), .text = "What it is called; without it, as its kind."},
    {.path = "services[].checks[].interval", .type = OPTION_DURATION, .fallback = "5s",
     .min = LIMIT_CHECK_INTERVAL_MS, .max = 24 * HOUR, FIELD(check, interval_ms),
     .text = "How often; of kind ttl: within which a report must come (15s unless told)."},
    {.path = "services[].checks[].timeout", .type = OPTION_DURATION, .fallback = "2s", .min = 10,
     .max = 60 * SECOND, FIELD(check, timeout_ms), .text = "How long an answer may take."},
    {.path = "services[].checks[].rise", .type = OPTION_NUMBER, .fallback = "2", .min = 1,
     .max = 100, FIELD(check, rise), .text = "Passes in a row that make it work again."},
    {.path = "services[].checks[].fall", .type = OPTION_NUMBER, .fallback = "3", .min = 1,
     .max = 100, FIELD(check, fall), .text = "Failures in a row that take it out."},
    {.path = "services[].checks[].port", .type = OPTION_NUMBER, .min = 1, .max = 65535,
     FIELD(check, port), .text = "Where it connects; without it, the instance's port."},
    {.path = "services[].checks[].target", .type = OPTION_TEXT, .min = 1, .max = 45,
     FIELD(check, target),
     .text = "An address instead of the instance's own; `registry.check-targets` must list it."},
    {.path = "services[].checks[].path", .type = OPTION_TEXT, .min = 1, .max = 1024,
     FIELD(check, text), .text = "Of kind http: what is asked for."},
    {.path = "services[].checks[].query", .type = OPTION_TEXT, .min = 1, .max = 1024,
     FIELD(check, text), .text = "Of kind dns: NAME, or NAME TYPE."},
    {.path = "services[].checks[].command", .type = OPTION_TEXT, .min = 1, .max = 1024,
     FIELD(check, text),
     .text = "Of kind command: run by the shell; status 0 passes, 1 warns."},
    {.path = "services[].checks[].file", .type = OPTION_TEXT, .min = 1, .max = 1024,
     FIELD(check, text), .text = "Of kind file: its path."},
    {.path = "services[].checks[].alias", .type = OPTION_TEXT, .min = 1, .max = 253,
     FIELD(check, text), .text = "Of kind alias: the name of the other service."},
    {.path = "services[].checks[].host", .type = OPTION_TEXT, .min = 1, .max = 253,
     FIELD(check, host), .text = "Of kind http: name in the request and in the certificate."},
    {.path = "services[].checks[].send", .type = OPTION_TEXT, .min = 1, .max = 1024,
     FIELD(check, send), .text = "Of kind tcp: what is sent once connected."},
    {.path = "services[].checks[].expect", .type = OPTION_TEXT, .min = 1, .max = 256,
     FIELD(check, expect), .text = "Of kinds tcp and http: what must be in the answer."},
    {.path = "services[].checks[].status", .type = OPTION_WORD, .fallback = "200-299",
     .read = read_status, .text = "Of kind http: good statuses, as 200 or 200-299."},
    {.path = "services[].checks[].tls", .type = OPTION_BOOL, .fallback = "false",
     FIELD(check, tls), .text = "Of kind http: HTTPS."},
    {.path = "services[].checks[].verify", .type = OPTION_BOOL, .fallback = "true",
     FIELD(check, verify), .text = "Of kind http with tls: the certificate must be good."},
    {.path = "services[].checks[].need", .type = OPTION_NUMBER, .fallback = "1", .min = 1,
     .max = LIMIT_CHECKS, FIELD(check, need),
     .text = "Of kind calculated: how many of the instance's other checks must pass."},
    {.path = "services[].instances", .type = OPTION_LIST, .read = read_instances,
     .text = "Instances that do not register themselves."},
    {.path = "services[].instances[].id", .type = OPTION_TEXT, .flags = OPTION_REQUIRED, .min = 1,
     .max = LIMIT_INSTANCE_ID_BYTES, FIELD(instance, id),
     .text = "Its id; a label below the service's name, where it can be one."},
    {.path = "services[].instances[].addresses", .type = OPTION_ADDRESSES,
     .flags = OPTION_REQUIRED, PLACE(instance, addresses), .read = read_addresses,
     .text = "ADDR, or ADDR@VIEW for one view; without an address for a view it does not exist "
             "there."},
    {.path = "services[].instances[].port", .type = OPTION_NUMBER, .fallback = "0", .max = 65535,
     FIELD(instance, port), .text = "Its port, for SRV and checks."},
    {.path = "services[].instances[].weight", .type = OPTION_NUMBER, .fallback = "1",
     .max = 65535, FIELD(instance, weight),
     .text = "Its share; 0: only when nothing else is left."},
    {.path = "services[].instances[].priority", .type = OPTION_NUMBER, .fallback = "0",
     .max = 65535, FIELD(instance, priority), .text = "Its priority in SRV."},
    {.path = "services[].instances[].tags", .type = OPTION_TEXTS, FIELD(instance, tags),
     .read = read_texts, .text = "Tags of it."},
    {.path = "services[].instances[].meta", .type = OPTION_MAP, .read = read_meta,
     .text = "What else there is to know: key and value."},
    {.path = "services[].instances[].site", .type = OPTION_TEXT, .min = 1, .max = 63,
     FIELD(instance, site), .text = "The site that it is in."},
    {.path = "services[].instances[].checks", .type = OPTION_LIST, PLACE(instance, checks),
     .read = read_checks,
     .text = "Checks of its own, as `services[].checks`; one of the same name replaces it."},

    {.path = "caches", .type = OPTION_GROUP, .read = read_group,
     .text = "What some caches do beyond the TTL, for the pessimistic figures of `until` and of "
             "drains."},
    {.path = "caches.minimum-ttl", .type = OPTION_DURATION, .fallback = "1m", .max = 24 * HOUR,
     FIELD(config, cache_minimum_ttl_ms),
     .text = "Resolvers and browsers that hold every answer at least so long."},
    {.path = "caches.serve-stale", .type = OPTION_DURATION, .fallback = "0s", .max = 168 * HOUR,
     FIELD(config, cache_serve_stale_ms),
     .text = "How long resolvers go on with what has expired (RFC 8767)."},
    {.path = "caches.client-pin", .type = OPTION_DURATION, .fallback = "1m", .max = 24 * HOUR,
     FIELD(config, cache_client_pin_ms),
     .text = "How long a program goes on with an address that it looked up."},

    {.path = "registry", .type = OPTION_GROUP, .read = read_group,
     .text = "What may be registered while the server runs."},
    {.path = "registry.check-targets", .type = OPTION_PREFIXES, .read = read_targets,
     .text = "Addresses that a check may connect to besides its instance's own."},
    {.path = "registry.check-rate", .type = OPTION_NUMBER, .fallback = "1000", .min = 1,
     .max = 1000000, .unit = "probes/s", FIELD(config, check_rate),
     .text = "Probes that one address gets in a second, whatever is registered there; more wait."},

    {.path = "registry.storm-share", .type = OPTION_NUMBER, .fallback = "30", .min = 1,
     .max = 100, .unit = "percent", FIELD(config, storm_share_percent),
     .text = "When so many of all targets fail within the window, in two sites or more, verdicts "
             "for the worse wait."},
    {.path = "registry.storm-window", .type = OPTION_DURATION, .fallback = "1m", .min = SECOND,
     .max = HOUR, FIELD(config, storm_window_ms), .text = "The window of the storm brake."},
    {.path = "registry.storm-hold", .type = OPTION_DURATION, .fallback = "5m", .min = SECOND,
     .max = HOUR, FIELD(config, storm_hold_ms),
     .text = "After this the storm brake ends, whatever goes on."},
    {.path = "registry.references", .type = OPTION_ENDPOINTS, .read = read_references,
     .text = "ADDR:PORT that accept connections while the checker has a network (gateways, other "
             "checkers); when all of them fail, verdicts for the worse wait."},

    {.path = "registry.budget-share", .type = OPTION_NUMBER, .fallback = "10", .min = 1,
     .max = 100, .unit = "percent", FIELD(config, budget_share_percent),
     .text = "How much may leave the answers within the window without a person: instances that "
             "one owner deregisters, services that fail over from one site; 100: all."},
    {.path = "registry.budget-least", .type = OPTION_NUMBER, .fallback = "10", .max = 1000000,
     FIELD(config, budget_least), .text = "So many may always leave, whatever their share."},
    {.path = "registry.budget-window", .type = OPTION_DURATION, .fallback = "10m", .min = SECOND,
     .max = 24 * HOUR, FIELD(config, budget_window_ms),
     .text = "The window; one site may fail over as a whole in each."},

    {.path = "api", .type = OPTION_GROUP, .read = read_group,
     .text = "The API over TCP, besides the control socket."},
    {.path = "api.listen", .type = OPTION_ENDPOINT, .flags = OPTION_RESTART,
     .read = read_api_listen,
     .text = "A loopback ADDR:PORT; whoever reaches it may read, and write with a token."},
    {.path = "api.tokens", .type = OPTION_LIST, .read = read_tokens,
     .text = "Who may write over TCP (Authorization: Bearer TOKEN), and as which owner."},
    {.path = "api.tokens[].name", .type = OPTION_TEXT, .flags = OPTION_REQUIRED, .min = 1,
     .max = 63, FIELD(api_token, name),
     .text = "Its name; what it registers belongs to api:NAME."},
    {.path = "api.tokens[].token", .type = OPTION_TEXT, .flags = OPTION_REQUIRED, .min = 16,
     .max = TEXT_MAX, FIELD(api_token, token),
     .text = "The token; at least 16 characters, kept secret."},

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
    [OPTION_TEXTS] = "list of texts",
    [OPTION_NAMES] = "list of domain names",
    [OPTION_WORD] = "word",
    [OPTION_ADDRESSES] = "address or list of addresses",
    [OPTION_MAP] = "map of texts",
    [OPTION_ENDPOINTS] = "list of addresses and ports",
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
                 option->size == sizeof(uint8_t)    ? *(const uint8_t *)field
                 : option->size == sizeof(uint16_t) ? *(const uint16_t *)field
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
