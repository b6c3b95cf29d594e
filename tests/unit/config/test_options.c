/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The option table: its rows fit together, and the reference page is the one in docs/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "config/options.h"
#include "config/reference.h"
#include "config/suggest.h"
#include "parsing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_every_row_stands_in_a_group(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        char group[128];
        size_t len = (size_t)(option_key(option) - option->path);
        assert_true(len < sizeof(group));
        assert_ptr_equal(option_find(option->path), option);
        if (len == 0) {
            assert_true(option_in_group(option, ""));
            continue;
        }
        memcpy(group, option->path, len - 1);
        group[len - 1] = '\0';
        assert_true(option_in_group(option, group));
        char *end = strstr(group, "[]");
        while (end && strstr(end + 2, "[]")) {
            end = strstr(end + 2, "[]");
        }
        if (end && end[2] == '\0') {
            *end = '\0';
        } else if (strlen(group) > 5 && strcmp(group + strlen(group) - 5, ".NAME") == 0) {
            group[strlen(group) - 5] = '\0';
        }
        assert_non_null(option_find(group));
    }
}

static void test_every_row_says_what_it_is(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        size_t len = strlen(option->text);
        assert_true(len > 10 && len < 200);
        assert_int_equal(option->text[len - 1], '.');
        assert_true(option->max >= option->min);
        assert_true(option->read || option->size > 0 || option->type == OPTION_ENDPOINT);
        assert_false((option->flags & OPTION_REQUIRED) && option->fallback);
    }
    assert_null(option_find("server.nothing"));
}

/* A default is read by the reader of its row: what the process runs with is what the page says. */
static void test_defaults_are_the_ones_written(void **state)
{
    (void)state;
    struct config *config = parse_good(SERVER "zones: []\n");
    unsigned seen = 0;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        if (option->fallback && !strstr(option->path, "[]") &&
            strncmp(option->path, "views", 5) != 0 && strncmp(option->path, "sites", 5) != 0) {
            char value[OPTION_VALUE_BYTES];
            assert_string_equal(option_value_text(option, config, value), option->fallback);
            seen++;
        }
    }
    assert_int_equal(seen, 25);
    config_free(config);
}

/* Services, instances and checks have their defaults in the registry, for the API too. */
static void test_defaults_are_those_of_the_registry(void **state)
{
    struct service service;
    struct instance instance;
    struct check check;
    unsigned seen = 0;
    (void)state;
    service_default(&service);
    instance_default(&instance);
    check_default(&check, CHECK_TCP);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        const void *base = option_in_group(option, "services[]")               ? (void *)&service
                           : option_in_group(option, "services[].checks[]")    ? (void *)&check
                           : option_in_group(option, "services[].instances[]") ? (void *)&instance
                                                                               : NULL;
        char value[OPTION_VALUE_BYTES];
        if (base && option->fallback && option->size > 0) {
            assert_string_equal(option_value_text(option, base, value), option->fallback);
            seen++;
        }
    }
    assert_int_equal(seen, 26);
}

static void test_durations_as_text(void **state)
{
    (void)state;
    static const struct {
        uint32_t ms;
        const char *text;
    } rows[] = {{0, "0s"},     {1, "1ms"},     {1500, "1500ms"}, {2000, "2s"},
                {60000, "1m"}, {90000, "90s"}, {3600000, "1h"},  {UINT32_MAX, "4294967295ms"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[DURATION_TEXT_BYTES];
        assert_string_equal(duration_to_text(rows[i].ms, text), rows[i].text);
    }
}

static char *page_made(void)
{
    char *page = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&page, &size);
    assert_non_null(out);
    assert_int_equal(config_reference_write(out), ERR_OK);
    assert_int_equal(fclose(out), 0);
    return page;
}

/* Run from the top of the source tree, as the test runner does. */
static void test_reference_page_is_current(void **state)
{
    (void)state;
    char *page = page_made();
    size_t len = strlen(page);
    FILE *file = fopen("docs/reference/configuration.md", "r");
    assert_non_null(file);
    char *committed = calloc(1, len + 2);
    assert_non_null(committed);
    assert_int_equal(fread(committed, 1, len + 1, file), len);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(committed, page);
    free(committed);
    free(page);
}

static void test_reference_page_has_every_option(void **state)
{
    (void)state;
    char *page = page_made();
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        char heading[160];
        bool chapter = option_in_group(&OPTIONS[i], "");
        snprintf(heading, sizeof(heading), chapter ? "\n## %s\n" : "\n| `%s` | ", OPTIONS[i].path);
        assert_non_null(strstr(page, heading));
    }
    free(page);
}

static void test_example_of_the_page_is_a_configuration(void **state)
{
    (void)state;
    char *page = page_made();
    char *start = strstr(page, "```yaml\n");
    assert_non_null(start);
    start += strlen("```yaml\n");
    char *end = strstr(start, "```");
    assert_non_null(end);
    *end = '\0';
    struct config *config = parse_good(start);
    assert_int_equal(config->desired.view_count, 2);
    assert_int_equal(config->desired.zones[0].overlays[0].edit_count, 6);
    config_free(config);
    free(page);
}

static void test_suggestions(void **state)
{
    (void)state;
    static const char *const words[] = {"serve", "check", "explain", "query", "reload", "status"};
    static const struct {
        const char *word, *best;
    } rows[] = {
        {"sevre", "serve"},
        {"Chekc", "check"},
        {"explian", "explain"},
        {"statsu", "status"},
        {"reloads", "reload"},
        {"xyz", NULL},
        {"", NULL},
        {"q", NULL},
        {"a-word-that-is-much-longer-than-any-command-could-ever-be", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct suggestion near = {.word = rows[i].word};
        for (size_t j = 0; j < sizeof(words) / sizeof(*words); j++) {
            suggest_consider(&near, words[j]);
        }
        if (rows[i].best) {
            assert_non_null(near.best);
            assert_string_equal(near.best, rows[i].best);
        } else {
            assert_null(near.best);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_stands_in_a_group),
        cmocka_unit_test(test_every_row_says_what_it_is),
        cmocka_unit_test(test_defaults_are_the_ones_written),
        cmocka_unit_test(test_defaults_are_those_of_the_registry),
        cmocka_unit_test(test_durations_as_text),
        cmocka_unit_test(test_reference_page_is_current),
        cmocka_unit_test(test_reference_page_has_every_option),
        cmocka_unit_test(test_example_of_the_page_is_a_configuration),
        cmocka_unit_test(test_suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
