/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any bytes as a configuration: findings or a configuration, never a crash, never both, and what
 * was read stands on its own: it equals itself, and its texts outlive the input.
 */
#include "base/assert.h"
#include "base/error.h"
#include "config/diff.h"
#include "dns/name.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void zone_look(const struct desired_zone *zone, uint32_t view_count)
{
    char text[NAME_TEXT_MAX];
    name_to_text(zone->origin, text);
    ASSERT(zone->file && zone->only);
    for (uint32_t i = 0; i < zone->overlay_count; i++) {
        const struct desired_overlay *overlay = &zone->overlays[i];
        ASSERT(overlay->views && (view_count == LIMIT_VIEWS || overlay->views >> view_count == 0));
        for (uint32_t e = 0; e < overlay->edit_count; e++) {
            const struct desired_edit *edit = &overlay->edits[e];
            ASSERT(name_in_zone(edit->owner, zone->origin));
            ASSERT((edit->op == EDIT_REMOVE) == (edit->text == NULL));
            ASSERT(!edit->text || edit->text[strlen(edit->text) - 1] == '\n');
        }
    }
}

static void config_look(const struct config *config)
{
    const struct desired *desired = &config->desired;
    struct config_diff diff;
    ASSERT(desired->view_count > 0 && desired->listener_count > 0);
    for (uint32_t i = 0; i < desired->zone_count; i++) {
        zone_look(&desired->zones[i], desired->view_count);
    }
    ASSERT(config_diff(&ALLOC_MALLOC, config, config, &diff) == ERR_OK);
    ASSERT(diff.first == NULL);
    config_diff_deinit(&diff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag_list diags;
    struct config *config = NULL;
    char *text = malloc(size ? size : 1); /* its own block, so that reading past the end is seen */
    if (!text) {
        return 0;
    }
    memcpy(text, data, size);
    diag_init(&diags, &ALLOC_MALLOC);
    int err = config_parse(&ALLOC_MALLOC, "fuzz/c.yaml", text, size, &diags, &config);
    free(text);
    ASSERT((err == ERR_OK) == (config != NULL) && (err == ERR_OK) == (diags.errors == 0));
    for (const struct diag *diag = diags.first; diag; diag = diag->next) {
        char line[512];
        diag_format(diag, line, sizeof(line));
    }
    if (config) {
        config_look(config);
    }
    config_free(config);
    diag_deinit(&diags);
    return 0;
}
