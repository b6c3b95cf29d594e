/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Zone text (RFC 1035 section 5, with $ORIGIN, $TTL, $INCLUDE) to records, by libzscanner fed with
 * text. Pure: included files come from a callback of the shell, which refuses everything outside
 * the zone's folder. All record types that libzscanner reads; RFC 3597 for the rest.
 *
 * Findings name file and line. Every syntax error is reported (up to LIMIT_DIAGS), then
 * ERR_INVALID. Found here: syntax, class other than IN, owner outside the zone, types that
 * are no data (OPT, ANY), bytes that do not fit their type, $INCLUDE trouble. What needs the whole
 * zone (SOA, CNAME beside data, ...) is the builder's business. Line ends of other systems and a
 * byte order mark are understood.
 */
#pragma once

#include "base/diag.h"
#include "dns/records.h"

struct zonetext_source {
    const char *file; /* for places */
    const char *text;
    size_t len;
    uint32_t first_line;   /* 1 for a file; the line in the YAML for an inline snippet */
    const uint8_t *origin; /* absolute, lower case: the zone */
    const char *before;    /* directives that hold when the text begins, a line each; NULL: none */
    uint32_t default_ttl;  /* when the text gives none: 3600 */
    /* Text of an included file: *text is owned by the callee until close(). `from` is the including
     * file, `name` as written. NULL: includes are refused. Adds its own finding on failure. */
    int (*include_open)(void *ctx, const char *from, const char *name, struct place place,
                        struct diag_list *diags, const char **file, const char **text, size_t *len);
    void (*include_close)(void *ctx, const char *text, size_t len);
    void *include_ctx;
};

/* ERR_INVALID: there are findings; `out` then holds the good records. ERR_NOMEM. An included file's
 * $ORIGIN and $TTL end with it. */
int zonetext_parse(const struct zonetext_source *source, struct records *out,
                   struct diag_list *diags);

/* One rdata as presentation text into out (always terminated); -1 when it does not fit. */
int rdata_to_text(uint16_t type, const uint8_t *rdata, uint16_t len, char *out, size_t size);
