/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A configuration as read: the option values of this process and the desired state (views, zones,
 * overlays, exceptions) for the core. Made from YAML text or from the flags of `serve`; read-only
 * afterwards; one arena owns everything.
 *
 * Every option is a row of the table in config/options.h (name, type, range, unit, default, one
 * sentence); parser, `horizon check`, the reference page and shell completion come from the rows.
 */
#pragma once

#include "base/limits.h"
#include "registry/desired.h"
#include "registry/service.h"

/* Who may write over the API, and as whom. */
struct api_token {
    const char *name, *token;
    struct place place;
};

struct instance_link {
    struct instance_link *next;
    struct instance instance;
};

struct config {
    struct arena arena;
    const char *file; /* NULL when made from flags */
    /* server: */
    uint32_t workers;    /* 0: one a core */
    const char *user;    /* to become after binding; NULL: stay */
    const char *group;   /* NULL: the user's */
    const char *control; /* path of the control socket; NULL: none */
    const char *data;    /* folder for what is kept on disk; NULL: nothing is */
    uint32_t image_interval_ms;
    bool keep_bind_capability;
    const char *nsid; /* NULL: none; text or 0x... hex, stored decoded below */
    uint8_t nsid_bytes[LIMIT_NSID_BYTES];
    uint8_t nsid_len;
    const char *version_bind; /* NULL: refused */
    const char *id_server;    /* NULL: refused */
    uint16_t udp_payload;
    /* server.tcp: */
    uint32_t tcp_connections; /* whole server */
    uint32_t tcp_per_client;  /* per address (IPv4) or /64 (IPv6) */
    uint32_t tcp_reserve;     /* places kept for clients without a connection */
    uint32_t tcp_first_byte_ms, tcp_message_ms, tcp_idle_ms, tcp_write_ms;
    uint32_t tcp_pipeline; /* queries of one connection answered before a write is flushed */
    /* reload guard: */
    uint32_t hold_removed_percent; /* 5 */
    uint32_t hold_removed_names;   /* 10 */
    struct desired desired;
    /* services, owned by "config": */
    struct service *services;
    uint32_t service_count;
    struct instance_link *instances; /* of all services */
    struct prefix *check_targets;    /* where checks may connect besides an instance's address */
    uint32_t check_target_count;
    uint32_t check_rate; /* probes a second that one address may get */
    /* the storm brake: */
    uint32_t storm_share_percent, storm_window_ms, storm_hold_ms;
    struct desired_listener *references; /* addresses and ports */
    uint32_t reference_count;
    /* the blast radius: */
    uint32_t budget_share_percent, budget_least, budget_window_ms;
    /* what some caches do beyond the TTL: */
    uint32_t cache_minimum_ttl_ms, cache_serve_stale_ms, cache_client_pin_ms;
    /* api: */
    struct desired_listener api_listen; /* port 0: no API over TCP */
    struct api_token *tokens;
    uint32_t token_count;
};

/* Reads YAML text; opens nothing. Relative paths in it are made
 * relative to the folder of `file`. Adds findings with file:line:column and mend; ERR_INVALID if
 * any is an error. */
int config_parse(const struct alloc *alloc, const char *file, const char *text, size_t len,
                 struct diag_list *diags, struct config **out);

/* The same, and files that the configuration names but `exists` denies are findings, even beside
 * others: all that is wrong in one pass. */
int config_parse_and_check(const struct alloc *alloc, const char *file, const char *text,
                           size_t len, bool (*exists)(void *ctx, const char *path), void *ctx,
                           struct diag_list *diags, struct config **out);

/* Adds why the configuration could not be read; `err` is what file_read() returned. */
void config_file_fault(struct diag_list *diags, const char *file, int err);

/* From flags alone: one implicit view that counts as internal, everybody in it. listens:
 * "ADDR:PORT" or "[v6]:PORT"; zones: "ORIGIN=FILE". Findings have no file. */
int config_from_flags(const struct alloc *alloc, const char *const *listens, size_t listen_count,
                      const char *const *zones, size_t zone_count, struct diag_list *diags,
                      struct config **out);

/* `api.listen` from a flag. Findings have no file. */
int config_api_listen(struct config *config, const char *text, struct diag_list *diags);

void config_free(struct config *config);

/* Files that the configuration names but that cannot be read, as findings with their place:
 * `exists` answers for one path. Opens nothing itself. */
void config_check_files(const struct config *config, bool (*exists)(void *ctx, const char *path),
                        void *ctx, struct diag_list *diags);
