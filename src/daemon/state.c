/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/state.h"

#include "base/assert.h"
#include "base/error.h"
#include "daemon/image.h"
#include "daemon/log.h"
#include "io/clock.h"

#include <stdio.h>

int epoch_new(struct state *state, struct config *config, char *text, size_t text_len,
              struct epoch **ret_epoch)
{
    struct epoch *epoch = mem_new_zero(state->alloc, 1, sizeof(*epoch));
    if (!epoch) {
        return ERR_NOMEM;
    }
    epoch->files = mem_new_zero(state->alloc, config->desired.zone_count, sizeof(*epoch->files));
    if (!epoch->files) {
        mem_free(state->alloc, epoch);
        return ERR_NOMEM;
    }
    epoch->config = config;
    epoch->text = text;
    epoch->text_len = text_len;
    *ret_epoch = epoch;
    return ERR_OK;
}

int epoch_prepare(struct state *state, struct epoch *epoch)
{
    return scope_new(state->alloc, epoch->config, &epoch->scope);
}

void epoch_drop(struct state *state, struct epoch *epoch)
{
    if (epoch) {
        zone_files_free(state->alloc, epoch->files, epoch->config->desired.zone_count);
        scope_free(state->alloc, epoch->scope);
        config_free(epoch->config);
        mem_free(state->alloc, epoch->text);
        mem_free(state->alloc, epoch);
    }
}

/* Frees the epochs that neither control nor a snapshot refers to. */
static void epochs_sweep(struct state *state)
{
    for (struct epoch **link = &state->epochs; *link;) {
        struct epoch *epoch = *link;
        if (epoch != state->epoch && epoch->snapshots == 0) {
            *link = epoch->next;
            epoch_drop(state, epoch);
        } else {
            link = &epoch->next;
        }
    }
}

int state_commit(void *ctx, size_t bytes)
{
    struct state *state = ctx;
    size_t words = bytes / TOLD_BYTES + 1;
    int err = state->ledger.until
                  ? memory_commit(&state->ledger_memory, words * sizeof(*state->ledger.until))
                  : ERR_OK;
    return err == ERR_OK ? memory_commit(&state->memory, bytes) : err;
}

static struct epoch *epoch_of(const struct state *state, const struct snapshot *snapshot)
{
    struct epoch *epoch = state->epochs;
    while (epoch && epoch->scope != snapshot->scope) {
        epoch = epoch->next;
    }
    ASSERT(epoch);
    return epoch;
}

/* Moves what is known of the files of zones that stay. */
static int files_inherit(struct state *state, struct epoch *epoch)
{
    const struct desired *desired = &epoch->config->desired;
    uint32_t *old = mem_new(state->alloc, desired->zone_count * sizeof(*old));
    int err = old ? zone_files_match(state->alloc, desired, &state->epoch->config->desired, old)
                  : ERR_NOMEM;
    for (uint32_t i = 0; err == ERR_OK && i < desired->zone_count; i++) {
        if (old[i] != ZONE_FILES_NONE) {
            zone_files_move(state->alloc, &state->epoch->files[old[i]], &epoch->files[i]);
        }
    }
    mem_free(state->alloc, old);
    return err;
}

int state_configure(struct state *state, struct epoch *epoch,
                    const struct zone_content *const *contents, struct diag_list *diags)
{
    struct control_limits limits = {
        .hold_removed_percent = epoch->config->hold_removed_percent,
        .hold_removed_names = epoch->config->hold_removed_names,
    };
    int err = control_reload(state->control, &epoch->config->desired, epoch->scope, &limits,
                             contents, clock_wall(), diags);
    if (err != ERR_OK) {
        return err;
    }
    if (state->epoch && files_inherit(state, epoch) != ERR_OK) {
        log_warning("no memory to remember the zone files: the next reload reads all zones");
    }
    epoch->next = state->epochs;
    state->epochs = epoch;
    state->epoch = epoch;
    epochs_sweep(state);
    return ERR_OK;
}

bool state_publish(struct state *state)
{
    const struct snapshot *snapshot = control_take_snapshot(state->control);
    if (snapshot) {
        epoch_of(state, snapshot)->snapshots++;
        int err = publish_swap(state->publish, snapshot);
        ASSERT(err == ERR_OK);
        if (state->image) {
            image_note(state->image);
        }
    }
    return snapshot != NULL;
}

void state_reclaim(struct state *state)
{
    const struct snapshot *old;
    state->ledger.now_s = ledger_second(&state->ledger, clock_mono());
    while ((old = publish_done(state->publish))) {
        struct epoch *epoch = epoch_of(state, old);
        epoch->snapshots--;
        state->retired_generation = old->generation;
        control_retire(state->control, old);
    }
    epochs_sweep(state);
}

char *state_listener_text(const struct state *state, uint32_t listener, char *out)
{
    const struct desired_listener *where = &state->epoch->config->desired.listeners[listener];
    char address[ADDRESS_TEXT_BYTES];
    address_to_text(&where->address, address);
    int port = server_listener_port(state->server, where->slot);
    snprintf(out, DAEMON_ENDPOINT_BYTES, address_is_v4(&where->address) ? "%s:%u" : "[%s]:%u",
             address, port > 0 ? (unsigned)port : where->port);
    return out;
}
