/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "parsing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *findings_text(const struct diag_list *diags)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    for (const struct diag *diag = diags->first; diag; diag = diag->next) {
        char line[2048];
        diag_format(diag, line, sizeof(line));
        fprintf(out, "%s\n", line);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

void expect_findings_len(const char *text, size_t len, const char *expected)
{
    struct diag_list diags;
    struct config *config = NULL;
    diag_init(&diags, &ALLOC_MALLOC);
    int err = config_parse(&ALLOC_MALLOC, "c.yaml", text, len, &diags, &config);
    char *found = findings_text(&diags);
    assert_string_equal(found, expected);
    assert_int_equal(err, diags.errors ? ERR_INVALID : ERR_OK);
    assert_true((config != NULL) == (err == ERR_OK));
    free(found);
    config_free(config);
    diag_deinit(&diags);
}

void expect_findings(const char *text, const char *expected)
{
    expect_findings_len(text, strlen(text), expected);
}

void expect_each(const struct finding_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect_findings(cases[i].text, cases[i].expected);
    }
}

struct config *parse_good(const char *text)
{
    struct diag_list diags;
    struct config *config = NULL;
    diag_init(&diags, &ALLOC_MALLOC);
    int err = config_parse(&ALLOC_MALLOC, "c.yaml", text, strlen(text), &diags, &config);
    char *found = findings_text(&diags);
    assert_string_equal(found, "");
    assert_int_equal(err, ERR_OK);
    free(found);
    diag_deinit(&diags);
    return config;
}
