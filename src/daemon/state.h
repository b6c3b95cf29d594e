/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the daemon's parts share: the writer, the publish point, the server, and the configurations
 * that are still in use. Everything here belongs to the control thread.
 *
 *   epoch (configuration + scope) ◄── control's current one
 *        ▲ held by each snapshot that was taken under it, until that is retired
 *
 *   control ─► state_publish() ─► workers ─► grace period ─► bell ─► state_reclaim() ─► control
 */
#pragma once

#include "config/config.h"
#include "config/scope.h"
#include "control/control.h"
#include "daemon/daemon.h"
#include "daemon/zone_files.h"
#include "io/loop.h"
#include "io/memory.h"
#include "ledger/ledger.h"
#include "server/server.h"

/* One configuration, alive while anything refers to it. */
struct epoch {
    struct epoch *next;
    struct config *config;
    struct scope *scope;
    struct zone_files *files; /* of each zone, as they were when it was last read */
    char *text;               /* as read; NULL: flags alone */
    size_t text_len;
    unsigned snapshots; /* taken under it and not retired */
};

struct discovery;
struct drains;
struct incident_watch;
struct http;
struct image;
struct reload;

struct state {
    const struct alloc *alloc;
    const struct daemon_options *options;
    struct loop *loop;
    struct memory memory;
    struct memory ledger_memory;
    struct ledger ledger; /* until: NULL when there was no address space for it */
    struct slab_backing backing;
    struct control *control;
    struct publish *publish;
    struct loop_bell *retired_bell;
    struct server *server;
    struct epoch *epoch, *epochs; /* the current one; all, newest first */
    struct reload *reload;
    struct discovery *discovery;
    struct drains *drains;
    struct incident_watch *incident_watch;  /* NULL: not yet */
    uint64_t retired_generation;            /* the newest that no worker can hold any more */
    struct image *image;                    /* NULL: nothing is kept on disk */
    struct http *http, *api;                /* over the control socket; over TCP, NULL: none */
    int api_fd;                             /* -1: none, or taken over by api */
    int control_fd;                         /* -1: none, or taken over by http */
    char control_path[DAEMON_SOCKET_BYTES]; /* "" when there is none */
    struct mono started;
    struct wall started_at;
    bool stopping;
};

/* The slab's commit: as much of the ledger comes first. `ctx` is the state. */
int state_commit(void *ctx, size_t bytes);

/* Takes over config and text on success. */
int epoch_new(struct state *state, struct config *config, char *text, size_t text_len,
              struct epoch **ret_epoch);
/* Makes the scope; listener slots must be final. */
int epoch_prepare(struct state *state, struct epoch *epoch);
/* An epoch that nobody saw yet. */
void epoch_drop(struct state *state, struct epoch *epoch);

/* Gives the epoch to control, with new content for some of its zones (contents[zone], NULL: none;
 * contents NULL: for none); on success it is the current one. */
int state_configure(struct state *state, struct epoch *epoch,
                    const struct zone_content *const *contents, struct diag_list *diags);

/* Publishes what changed; publish_reserve() came before. Returns whether anything did. */
bool state_publish(struct state *state);
/* Hands back what no worker can hold any more. */
void state_reclaim(struct state *state);

/* Address of listener i as it is, "127.0.0.1:5300". out has DAEMON_ENDPOINT_BYTES. Returns out. */
enum {
    DAEMON_ENDPOINT_BYTES = ADDRESS_TEXT_BYTES + 10
};
char *state_listener_text(const struct state *state, uint32_t listener, char *out);
