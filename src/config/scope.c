/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/scope.h"

#include "base/error.h"

#include <string.h>

/* The scope and the array of names it points to, in one block. */
struct scope_block {
    struct scope scope;
    struct view_match *match, *sites; /* the same as in scope, not const */
    const char *names[LIMIT_VIEWS];
};

/* Clients to sites: the same lookup as clients to views, over the sites as views. */
static int sites_new(const struct alloc *alloc, const struct desired *desired,
                     struct view_match **out)
{
    struct desired_view views[LIMIT_VIEWS] = {{0}};
    struct desired as_views = *desired;
    *out = NULL;
    if (desired->site_count == 0) {
        return ERR_OK;
    }
    for (uint32_t i = 0; i < desired->site_count && i < LIMIT_VIEWS; i++) {
        views[i].name = desired->sites[i].name;
        views[i].matches = desired->sites[i].matches;
        views[i].match_count = desired->sites[i].match_count;
    }
    as_views.views = views;
    as_views.view_count = desired->site_count;
    return view_match_new(alloc, &as_views, out);
}

int scope_new(const struct alloc *alloc, const struct config *config, struct scope **ret_scope)
{
    const struct desired *desired = &config->desired;
    struct scope_block *block = mem_new_zero(alloc, 1, sizeof(*block));
    if (!block) {
        return ERR_NOMEM;
    }
    int err = view_match_new(alloc, desired, &block->match);
    err = err == ERR_OK ? sites_new(alloc, desired, &block->sites) : err;
    if (err != ERR_OK) {
        view_match_free(block->match);
        mem_free(alloc, block);
        return err;
    }
    for (uint32_t i = 0; i < desired->view_count && i < LIMIT_VIEWS; i++) {
        block->names[i] = desired->views[i].name;
    }
    block->scope = (struct scope){
        .desired = desired,
        .match = block->match,
        .sites = block->sites,
        .view_names = block->names,
        .view_count = desired->view_count,
        .udp_payload = config->udp_payload,
        .nsid_len = config->nsid_len,
        .version_bind = config->version_bind,
        .id_server = config->id_server,
    };
    memcpy(block->scope.nsid, config->nsid_bytes, config->nsid_len);
    *ret_scope = &block->scope;
    return ERR_OK;
}

void scope_free(const struct alloc *alloc, struct scope *scope)
{
    struct scope_block *block = (struct scope_block *)scope;
    if (block) {
        view_match_free(block->match);
        view_match_free(block->sites);
        mem_free(alloc, block);
    }
}
