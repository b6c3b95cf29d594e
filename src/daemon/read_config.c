/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/read_config.h"

#include "base/error.h"

#include <stdlib.h>

static size_t count_words(const char *const *words)
{
    size_t count = 0;
    while (words && words[count]) {
        count++;
    }
    return count;
}

static int from_file(struct state *state, struct diag_list *findings, struct epoch **ret_epoch)
{
    const char *file = state->options->config;
    struct config *config = NULL;
    char *text = NULL;
    size_t len = 0;
    int err = file_read(state->alloc, file, LIMIT_CONFIG_BYTES, &text, &len);
    if (err != ERR_OK) {
        config_file_fault(findings, file, err);
        return err;
    }
    err = config_parse(state->alloc, file, text, len, findings, &config);
    if (err == ERR_OK) {
        err = epoch_new(state, config, text, len, ret_epoch);
        if (err != ERR_OK) {
            config_free(config);
        }
    }
    if (err != ERR_OK) {
        mem_free(state->alloc, text);
    }
    return err;
}

static int from_flags(struct state *state, struct diag_list *findings, struct epoch **ret_epoch)
{
    const struct daemon_options *options = state->options;
    struct config *config = NULL;
    int err = config_from_flags(state->alloc, options->listens, count_words(options->listens),
                                options->zones, count_words(options->zones), findings, &config);
    if (err == ERR_OK) {
        err = epoch_new(state, config, NULL, 0, ret_epoch);
        if (err != ERR_OK) {
            config_free(config);
        }
    }
    return err;
}

/* Flags that hold beside either form. */
static int overrule(const struct daemon_options *options, struct config *config,
                    struct diag_list *findings)
{
    if (options->control) {
        config->control = options->control[0] ? options->control : NULL;
    }
    if (options->data) {
        config->data = options->data[0] ? options->data : NULL;
    }
    if (options->api) {
        int err = config_api_listen(config, options->api, findings);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (options->workers) {
        char *end;
        unsigned long workers = strtoul(options->workers, &end, 10);
        if (*end || end == options->workers || workers > LIMIT_WORKERS) {
            diag_add(findings, SEVERITY_ERROR, (struct place){0}, NULL,
                     "--workers takes a number from 0 to %d", LIMIT_WORKERS);
            return ERR_INVALID;
        }
        config->workers = (uint32_t)workers;
    }
    return ERR_OK;
}

int read_config(struct state *state, struct diag_list *findings, struct epoch **ret_epoch)
{
    struct epoch *epoch = NULL;
    int err = state->options->config ? from_file(state, findings, &epoch)
                                     : from_flags(state, findings, &epoch);
    if (err == ERR_OK) {
        err = overrule(state->options, epoch->config, findings);
    }
    if (err != ERR_OK) {
        epoch_drop(state, epoch);
        return err;
    }
    *ret_epoch = epoch;
    return ERR_OK;
}
