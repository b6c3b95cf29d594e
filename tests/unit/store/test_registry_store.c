/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The registry on disk: what was written is there after opening again, a failed write leaves
 * nothing of itself, a file that is no database is an error and never an empty registry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "store/registry_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place_on_disk {
    char folder[64];
    struct diag_list diags;
};

static int setup(void **state)
{
    struct place_on_disk *place = calloc(1, sizeof(*place));
    snprintf(place->folder, sizeof(place->folder), "/tmp/horizon-store-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    diag_init(&place->diags, &ALLOC_MALLOC);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place_on_disk *place = *state;
    static const char *const files[] = {"registry.db", "registry.db-wal", "registry.db-shm"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", place->folder, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(place->folder), 0);
    diag_deinit(&place->diags);
    free(place);
    return 0;
}

static struct registry_store *open_store(struct place_on_disk *place)
{
    struct registry_store *store = NULL;
    assert_int_equal(registry_store_open(&ALLOC_MALLOC, place->folder, &place->diags, &store),
                     ERR_OK);
    return store;
}

static int note_row(void *ctx, const struct store_row *row)
{
    char *text = ctx;
    sprintf(text + strlen(text), "%d %s %s %s %llu %s\n", (int)row->kind, row->name, row->id,
            row->owner, (unsigned long long)row->revision, row->body);
    return ERR_OK;
}

static int note_verdict(void *ctx, const struct store_verdict *verdict)
{
    char *text = ctx;
    sprintf(text + strlen(text), "%s/%s %s\n", verdict->name, verdict->id, verdict->verdict);
    return ERR_OK;
}

static int note_event(void *ctx, const struct store_event *event)
{
    char *text = ctx;
    sprintf(text + strlen(text), "%llu %s %s>%s %s\n", (unsigned long long)event->revision,
            event->name, event->before ? event->before : "-", event->after ? event->after : "-",
            event->why ? event->why : "-");
    return ERR_OK;
}

static void expect_objects(struct registry_store *store, const char *wanted)
{
    char text[4096] = "";
    assert_int_equal(registry_store_objects(store, note_row, text), ERR_OK);
    assert_string_equal(text, wanted);
}

static void test_what_was_written_is_there(void **state)
{
    struct place_on_disk *place = *state;
    struct registry_store *store = open_store(place);
    const struct store_row rows[] = {
        {STORE_INSTANCE, "web.", "a", "x", 2, "{\"id\":\"a\"}", NULL, false, NULL, NULL},
        {STORE_SERVICE, "web.", "", "x", 1, "{}", NULL, true, "x", "first"},
    };
    const struct store_verdict verdicts[] = {{"web.", "a", "passing"}, {"web.", "b", "critical"}};
    struct store_change change = {rows, 2, verdicts, 2, 2, {1000}, "[1]"};
    char text[4096] = "";
    expect_objects(store, "");
    assert_int_equal(registry_store_write(store, &change), ERR_OK);
    registry_store_close(store);

    store = open_store(place);
    assert_int_equal(registry_store_revision(store), 2);
    expect_objects(store, "0 web.  x 1 {}\n1 web. a x 2 {\"id\":\"a\"}\n");
    assert_int_equal(registry_store_verdicts(store, note_verdict, text), ERR_OK);
    assert_string_equal(text, "web./a passing\nweb./b critical\n");

    const struct store_row more[] = {
        {STORE_INSTANCE, "web.", "a", "", 3, NULL, NULL, false, NULL, NULL},
        {STORE_SERVICE, "web.", "", "x", 4, "{\"ttl\":\"9s\"}", "{}", true, NULL, NULL},
    };
    const struct store_verdict forget[] = {{"web.", "a", NULL}, {"web.", "b", "passing"}};
    change = (struct store_change){more, 2, forget, 2, 4, {2000}, NULL};
    assert_int_equal(registry_store_write(store, &change), ERR_OK);
    expect_objects(store, "0 web.  x 4 {\"ttl\":\"9s\"}\n");
    text[0] = '\0';
    assert_int_equal(registry_store_verdicts(store, note_verdict, text), ERR_OK);
    assert_string_equal(text, "web./b passing\n");
    text[0] = '\0';
    assert_int_equal(registry_store_history(store, UINT64_MAX, 10, note_event, text), ERR_OK);
    assert_string_equal(text, "4 web. {}>{\"ttl\":\"9s\"} -\n1 web. ->{} first\n");
    char *drains = registry_store_drains(store);
    assert_string_equal(drains, "[1]");
    mem_free(&ALLOC_MALLOC, drains);
    registry_store_close(store);
}

static void test_no_database_is_an_error(void **state)
{
    struct place_on_disk *place = *state;
    char path[128], garbage[8192];
    struct registry_store *store = NULL;
    snprintf(path, sizeof(path), "%s/registry.db", place->folder);
    memset(garbage, 'x', sizeof(garbage));
    FILE *file = fopen(path, "w");
    assert_int_equal(fwrite(garbage, 1, sizeof(garbage), file), sizeof(garbage));
    fclose(file);
    assert_int_equal(registry_store_open(&ALLOC_MALLOC, place->folder, &place->diags, &store),
                     ERR_INVALID);
    assert_null(store);
    assert_int_equal(place->diags.errors, 1);
    assert_non_null(strstr(place->diags.first->text, "not a database"));
}

static void test_a_newer_format_is_refused(void **state)
{
    struct place_on_disk *place = *state;
    struct registry_store *store = open_store(place);
    char command[256];
    registry_store_close(store);
    snprintf(command, sizeof(command),
             "/usr/bin/python3 -c \"import sqlite3; d=sqlite3.connect('%s/registry.db'); "
             "d.execute('UPDATE meta SET value=99 WHERE key=\\'schema\\''); d.commit()\"",
             place->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
    store = NULL;
    assert_int_equal(registry_store_open(&ALLOC_MALLOC, place->folder, &place->diags, &store),
                     ERR_INVALID);
    assert_non_null(strstr(place->diags.first->text, "format 99"));
}

static void test_a_missing_folder_is_an_error(void **state)
{
    struct place_on_disk *place = *state;
    struct registry_store *store = NULL;
    char path[128];
    snprintf(path, sizeof(path), "%s/none", place->folder);
    assert_int_equal(registry_store_open(&ALLOC_MALLOC, path, &place->diags, &store),
                     ERR_PERMISSION);
    assert_int_equal(place->diags.errors, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_written_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_database_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_newer_format_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_missing_folder_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
