/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Zone files on a real disk: includes that stay inside, and everything that a path can be instead
 * of a readable file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "dns/name.h"
#include "source/zonefile.h"
#include "unit/failing.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOA "@ SOA ns1 h 1 2 3 4 5\n"

static uint8_t origin[] = "\7example\3com";

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int enter(void **state)
{
    char template[] = "/tmp/horizon-zonefile-XXXXXX";
    char *folder = mkdtemp(template);
    if (!folder || chdir(folder) != 0) {
        return -1;
    }
    *state = strdup(folder);
    return mkdir("zones", 0755) || mkdir("zones/part", 0755) || mkdir("outside", 0755);
}

static int leave(void **state)
{
    char command[128];
    snprintf(command, sizeof(command), "chmod -R u+rwX '%s'; rm -r '%s'", (char *)*state,
             (char *)*state);
    free(*state);
    return chdir("/") || system(command);
}

struct loaded {
    struct zone_content content;
    struct diag_list diags;
    int err;
    char faults[4096];
};

static struct loaded *load_zone(const struct alloc *alloc, const struct desired_zone *zone)
{
    static struct loaded loaded;
    memset(&loaded, 0, sizeof(loaded));
    diag_init(&loaded.diags, alloc);
    loaded.err = zonefile_load(alloc, zone, false, &loaded.content, &loaded.diags);
    size_t at = 0;
    for (const struct diag *diag = loaded.diags.first; diag; diag = diag->next) {
        at += diag_format(diag, loaded.faults + at, sizeof(loaded.faults) - at - 1);
        assert_true(at < sizeof(loaded.faults) - 1);
        loaded.faults[at++] = '\n';
    }
    return &loaded;
}

static struct loaded *load(const char *file)
{
    struct desired_zone zone = {.origin = origin, .file = file};
    return load_zone(&ALLOC_MALLOC, &zone);
}

static void drop(struct loaded *loaded)
{
    zone_content_deinit(&loaded->content);
    diag_deinit(&loaded->diags);
}

static void expect_records(const char *file, uint64_t count)
{
    struct loaded *loaded = load(file);
    assert_string_equal(loaded->faults, "");
    assert_int_equal(loaded->err, ERR_OK);
    assert_int_equal(loaded->content.base.count, count);
    drop(loaded);
}

static void expect_fault(const char *file, const char *fault)
{
    struct loaded *loaded = load(file);
    assert_int_equal(loaded->err, ERR_INVALID);
    if (strncmp(loaded->faults, fault, strlen(fault)) != 0) {
        fail_msg("expected '%s', got '%s'", fault, loaded->faults);
    }
    drop(loaded);
}

static void test_a_zone_and_its_includes(void **state)
{
    char text[512];
    put("zones/z", SOA "$INCLUDE part/one\n$INCLUDE ./part/../two\na A 192.0.2.1\n");
    put("zones/part/one", "b A 192.0.2.2\n$INCLUDE three\n$INCLUDE ../two c.example.com.\n");
    put("zones/part/three", "d A 192.0.2.3\n");
    put("zones/two", "e A 192.0.2.4\n");
    struct loaded *loaded = load("zones/z");
    assert_string_equal(loaded->faults, "");
    struct records_iter iter;
    struct record record;
    char got[1024] = "", line[256];
    records_iter_init(&iter, &loaded->content.base);
    while (records_iter_next(&iter, &record)) {
        char owner[NAME_TEXT_MAX];
        snprintf(line, sizeof(line), "%s:%u %s\n", loaded->content.base.files[record.file],
                 record.line, name_to_text(record.owner, owner));
        strcat(got, line);
        assert_int_equal(access(loaded->content.base.files[record.file], R_OK), 0);
    }
    assert_string_equal(got, "zones/z:1 example.com.\n"
                             "zones/part/one:1 b.example.com.\n"
                             "zones/part/three:1 d.example.com.\n"
                             "zones/part/../two:1 e.c.example.com.\n"
                             "zones/./part/../two:1 e.example.com.\n"
                             "zones/z:4 a.example.com.\n");
    drop(loaded);

    /* By absolute path, and from inside the folder. */
    snprintf(text, sizeof(text), "%s/zones/z", (char *)*state);
    expect_records(text, 6);
    assert_int_equal(chdir("zones"), 0);
    expect_records("z", 6);
    snprintf(text, sizeof(text), SOA "$INCLUDE %s/zones/part/one\n", (char *)*state);
    put("absolute", text);
    expect_records("absolute", 4);
    assert_int_equal(chdir(".."), 0);
    expect_records("zones/absolute", 4);
}

static void test_links_inside_are_followed(void **state)
{
    (void)state;
    put("zones/part/real", "a A 192.0.2.1\n");
    assert_int_equal(symlink("part/real", "zones/link"), 0);
    assert_int_equal(symlink("part", "zones/shelf"), 0);
    put("zones/z", SOA "$INCLUDE link\n$INCLUDE shelf/real\n");
    expect_records("zones/z", 3);
    /* The zone's own file may be a link to anywhere: a person configured it. */
    assert_int_equal(symlink("../zones/z", "outside/linked"), 0);
    put("outside/real", SOA);
    assert_int_equal(symlink("../outside/real", "zones/linked"), 0);
    expect_records("zones/linked", 1);
}

static void test_nothing_outside_is_included(void **state)
{
    (void)state;
    char target[512];
    put("outside/secret", "a TXT secret\n");
    snprintf(target, sizeof(target), "%s/outside/secret", (char *)*state);
    assert_int_equal(symlink("../outside/secret", "zones/escape"), 0);
    assert_int_equal(symlink("../outside", "zones/door"), 0);
    assert_int_equal(symlink(target, "zones/wormhole"), 0);
    static const char *const names[] = {
        "../outside/secret", "part/../../outside/secret", "escape", "door/secret", "wormhole",
        "/etc/passwd",       "/proc/self/environ"};
    for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
        char text[600];
        const char *name = i < sizeof(names) / sizeof(names[0]) ? names[i] : target;
        snprintf(text, sizeof(text), SOA "\n$INCLUDE %s\n", name);
        put("zones/z", text);
        struct loaded *loaded = load("zones/z");
        assert_int_equal(loaded->err, ERR_INVALID);
        const char *start = "zones/z:3: error: zone example.com.: cannot read ";
        assert_int_equal(strncmp(loaded->faults, start, strlen(start)), 0);
        assert_non_null(strstr(loaded->faults, "it is outside the folder of the zone file"));
        drop(loaded);
    }
}

static void test_what_is_no_readable_file(void **state)
{
    (void)state;
    expect_fault("zones/gone",
                 "zones/gone: error: zone example.com.: cannot read the file: there is "
                 "no such file; create it");
    expect_fault("gone/z",
                 "gone/z: error: zone example.com.: cannot read the file: there is no such");
    expect_fault("zones", "zones: error: zone example.com.: cannot read the file: it is a folder");
    assert_int_equal(mkfifo("zones/pipe", 0644), 0);
    expect_fault("zones/pipe",
                 "zones/pipe: error: zone example.com.: cannot read the file: it is a "
                 "folder, a pipe or a device; give the path of a regular file");
    expect_fault("/dev/zero", "/dev/zero: error: zone example.com.: cannot read the file: it is a");
    put("zones/empty", "");
    expect_fault("zones/empty", "zones/empty: error: the file is empty; was it cut off");

    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "zones/socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    expect_fault("zones/socket",
                 "zones/socket: error: zone example.com.: cannot read the file: it is");
    close(fd);

    put("zones/z", SOA "$INCLUDE pipe\n$INCLUDE part\n$INCLUDE gone\n");
    struct loaded *loaded = load("zones/z");
    assert_int_equal(loaded->diags.errors, 3);
    assert_non_null(strstr(loaded->faults, "zones/z:2: error: zone example.com.: cannot read "
                                           "zones/pipe: it is a folder"));
    assert_non_null(strstr(loaded->faults, "zones/z:4: error: zone example.com.: cannot read "
                                           "zones/gone: there is no such file"));
    drop(loaded);
}

static void test_a_file_of_five_gigabytes(void **state)
{
    (void)state;
    int fd = open("zones/huge", O_CREAT | O_WRONLY, 0644);
    assert_int_equal(ftruncate(fd, 5000000000), 0);
    close(fd);
    expect_fault("zones/huge", "zones/huge: error: zone example.com.: cannot read the file: it is "
                               "larger than 4 GiB; divide the zone");
}

static void test_a_file_without_permission(void **state)
{
    (void)state;
    put("zones/closed", SOA);
    assert_int_equal(chmod("zones/closed", 0), 0);
    /* Root may read everything, so look as somebody else. */
    uid_t user = geteuid();
    assert_int_equal(seteuid(user == 0 ? 65534 : user), 0);
    struct loaded *loaded = load("zones/closed");
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(loaded->err, ERR_INVALID);
    assert_non_null(strstr(loaded->faults,
                           "zones/closed: error: zone example.com.: cannot read the "
                           "file: no permission to read it; let the user"));
    drop(loaded);
}

static void test_overlays(void **state)
{
    (void)state;
    put("zones/z", SOA "a A 192.0.2.1\n");
    put("outside/overlay", "$INCLUDE more\na A 10.0.0.1\n");
    put("outside/more", "b A 10.0.0.2\nc A 10.0.0.3\n");
    struct desired_overlay overlays[] = {{.views = 1}, {.views = 2, .file = "outside/overlay"}};
    struct desired_zone zone = {
        .origin = origin, .file = "zones/z", .overlays = overlays, .overlay_count = 2};
    struct loaded *loaded = load_zone(&ALLOC_MALLOC, &zone);
    assert_string_equal(loaded->faults, "");
    assert_int_equal(loaded->content.base.count, 2);
    assert_int_equal(loaded->content.overlay_count, 2);
    assert_int_equal(loaded->content.overlays[0].count, 0);
    assert_int_equal(loaded->content.overlays[1].count, 3);
    drop(loaded);

    /* A bad zone file does not hide the mistakes of the overlay. */
    put("zones/z", "a A x\n");
    put("outside/more", "b A y\n");
    loaded = load_zone(&ALLOC_MALLOC, &zone);
    assert_int_equal(loaded->err, ERR_INVALID);
    assert_int_equal(loaded->diags.errors, 2);
    assert_non_null(strstr(loaded->faults, "zones/z:1: error: "));
    assert_non_null(strstr(loaded->faults, "outside/more:1: error: "));
    assert_int_equal(loaded->content.overlay_count, 0);
    drop(loaded);
}

static void test_failing_allocations(void **state)
{
    (void)state;
    put("zones/z", SOA "$INCLUDE one\na A 192.0.2.1\n");
    put("zones/one", "b A 192.0.2.2\n");
    put("zones/overlay", "a A 10.0.0.1\n");
    struct desired_overlay overlays[] = {{.views = 1, .file = "zones/overlay"}};
    struct desired_zone zone = {
        .origin = origin, .file = "zones/z", .overlays = overlays, .overlay_count = 1};
    for (size_t n = 1;; n++) {
        struct failing failing;
        failing_init(&failing, n);
        struct loaded *loaded = load_zone(&failing.alloc, &zone);
        assert_int_equal(loaded->err, failing.failed ? ERR_NOMEM : ERR_OK);
        drop(loaded);
        assert_int_equal(failing.alive, 0);
        if (!failing.failed) {
            assert_true(n > 12);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_zone_and_its_includes, enter, leave),
        cmocka_unit_test_setup_teardown(test_links_inside_are_followed, enter, leave),
        cmocka_unit_test_setup_teardown(test_nothing_outside_is_included, enter, leave),
        cmocka_unit_test_setup_teardown(test_what_is_no_readable_file, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_file_of_five_gigabytes, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_file_without_permission, enter, leave),
        cmocka_unit_test_setup_teardown(test_overlays, enter, leave),
        cmocka_unit_test_setup_teardown(test_failing_allocations, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
