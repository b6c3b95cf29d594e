/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Shared by the tests of config: parse a text as the file "c.yaml" and compare every finding, as a
 * person would read it, with what is expected.
 */
#pragma once

#include "config/config.h"

/* The least that a configuration needs, for tests of something else; one line, then two. */
#define SERVER "server: {listen: [127.0.0.1:53]}\n"
#define VIEWS                                         \
    "views:\n"                                        \
    "  in: {internal: true, match: [127.0.1.0/24]}\n" \
    "  out: {default: true}\n"

/* Parses a good text; fails the test with the findings when there are any. config_free() is the
 * caller's. */
struct config *parse_good(const char *text);

/* The text gives exactly these findings, one a line, in this order. ERR_INVALID if one is an error.
 */
void expect_findings(const char *text, const char *expected);
void expect_findings_len(const char *text, size_t len, const char *expected);

struct finding_case {
    const char *text, *expected;
};
void expect_each(const struct finding_case *cases, size_t count);

/* All findings of a list, one a line, in memory of the heap. */
char *findings_text(const struct diag_list *diags);
