/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The image: written while control goes on, read by a fresh one that has no zone files. Under the
 * same rules the trees are taken as they are; under others nobody sees what those rules forbid.
 *
 * links: config
 */
#include "unit/control/stage.h"

#include "base/error.h"
#include "control/image.h"

#include <stdio.h>

#define IN "10.0.0.9"
#define OUT "192.0.2.9"

#define SERVER "server: {listen: [127.0.0.1:53]}\n"
#define VIEWS                                        \
    "views:\n"                                       \
    "  in: {internal: true, match: [10.0.0.0/16]}\n" \
    "  out: {default: true}\n"
#define EXCEPTIONS    \
    "leak-guard:\n"   \
    "  exceptions:\n" \
    "    - {name: vpn.example.com, prefix: 10.9.0.0/16, views: [out], reason: r}\n"
#define ZONES                                                                         \
    "zones:\n"                                                                        \
    "  - zone: example.com\n"                                                         \
    "    file: example.zone\n"                                                        \
    "    subtrees: [{name: corp.example.com, only: [in]}]\n"                          \
    "    overlays:\n"                                                                 \
    "      - {view: in, reason: r, replace: {www: 60 A 10.0.0.80}, remove: [beta]}\n" \
    "      - {view: in, reason: r, file: in.overlay}\n"                               \
    "  - {zone: other.example, file: other.zone}\n"

static const char CONFIG[] = SERVER VIEWS EXCEPTIONS ZONES;

#define HEAD "@ 300 SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"

static const char EXAMPLE[] =
    HEAD "www A 192.0.2.80\nbeta A 192.0.2.81\na.corp A 192.0.2.82\n*.wild A 192.0.2.83\n"
         "vpn A 10.9.0.1\nfiled A 192.0.2.84\n";
static const char OVERLAY[] = "filed A 10.0.0.84\n";
static const char OTHER[] = HEAD "x.y.z TXT deep\n*.w A 192.0.2.9\n";

struct image {
    uint8_t *bytes; /* on 8 bytes */
    size_t size;
    struct image_parts parts;
};

static void files_put(struct stage *stage)
{
    stage_file(stage, "example.zone", EXAMPLE);
    stage_file(stage, "in.overlay", OVERLAY);
    stage_file(stage, "other.zone", OTHER);
}

static void source_init(struct stage *stage)
{
    stage_init(stage);
    files_put(stage);
    assert_int_equal(stage_configure(stage, CONFIG, true), ERR_OK);
    assert_true(stage_publish(stage));
}

static void image_take(struct stage *stage, struct image *out)
{
    struct image_plan *plan;
    assert_int_equal(control_image_begin(stage->control, &plan), ERR_OK);
    out->size = image_plan_bytes(plan);
    out->bytes = aligned_alloc(64, (out->size + 63) & ~(size_t)63);
    assert_non_null(out->bytes);
    assert_int_equal(image_plan_write(plan, out->bytes, out->size, &out->parts), ERR_OK);
    assert_in_range(out->parts.tree_bytes + out->parts.list_bytes, 1, out->size);
    control_image_end(stage->control, plan);
    stage_audit(stage);
}

static const uint8_t *image_list(const struct image *image)
{
    return image->bytes + image->parts.tree_bytes;
}

/* A control over the image, configured, without any file. */
static void target_init(struct stage *stage, const struct image *image, const char *config)
{
    stage_init(stage);
    memcpy(stage->backing.memory, image->bytes, image->parts.tree_bytes);
    control_adopt(stage->control, &image->parts, (image->parts.tree_bytes + 4095) & ~(size_t)4095);
    assert_int_equal(stage_configure(stage, config, false), ERR_OK);
}

static int restore(struct stage *stage, const struct image *image, uint32_t *zones)
{
    diag_deinit(&stage->diags);
    diag_init(&stage->diags, &ALLOC_MALLOC);
    int err = control_restore(stage->control, image_list(image), image->parts.list_bytes,
                              &stage->diags, zones);
    stage_audit(stage);
    stage_publish(stage);
    return err;
}

static enum zone_state state_of(const struct stage *stage, uint32_t zone)
{
    struct zone_status status;
    assert_int_equal(control_zone_status(stage->control, zone, &status), ERR_OK);
    assert_int_equal(status.state == ZONE_LOADED, status.problem == NULL);
    return status.state;
}

static uint64_t content_of(const struct stage *stage)
{
    const struct snapshot *snapshot = stage->readers[stage->reader_count - 1].snapshot;
    return stage_content(snapshot->slab, snapshot->views, snapshot->view_count);
}

static void all_is_served_without_files(void **state)
{
    (void)state;
    struct stage source, target;
    struct image image;
    struct zone_status status;
    uint32_t zones;
    source_init(&source);
    image_take(&source, &image);
    target_init(&target, &image, CONFIG);
    assert_int_equal(restore(&target, &image, &zones), ERR_OK);
    assert_int_equal(zones, 2);
    assert_int_equal(target.diags.errors + target.diags.warnings, 0);
    assert_true(content_of(&target) == content_of(&source));
    stage_expect(&target, IN, "filed.example.com A", "NOERROR 10.0.0.84");
    stage_expect(&target, OUT, "filed.example.com A", "NOERROR 192.0.2.84");
    stage_expect(&target, OUT, "vpn.example.com A", "NOERROR 10.9.0.1");
    stage_expect(&target, OUT, "q.w.other.example A", "NOERROR 192.0.2.9");
    assert_int_equal(state_of(&target, 0), ZONE_STALE);
    assert_int_equal(control_zone_status(target.control, 0, &status), ERR_OK);
    assert_int_equal(status.loaded_at.ns, 1000);
    assert_int_equal(status.names, 8);
    assert_int_equal(status.serial, 1);
    /* The text, once read, is the same: nothing is built beside what is there. */
    uint64_t live = target.control->slab.live_bytes;
    files_put(&target);
    assert_int_equal(stage_load(&target, 0), ERR_OK);
    stage_publish(&target);
    stage_audit(&target);
    assert_int_equal(state_of(&target, 0), ZONE_LOADED);
    assert_true(content_of(&target) == content_of(&source));
    assert_in_range(target.control->slab.live_bytes, live, live + 4096);
    stage_deinit(&source);
    stage_deinit(&target);
    free(image.bytes);
}

static void a_zone_that_lost_too_much_is_held_over_a_restart(void **state)
{
    (void)state;
    struct stage source, target;
    struct image image;
    uint32_t zones;
    char many[4096] = HEAD;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "h%u A 192.0.2.1\n", i);
    }
    stage_init(&source);
    files_put(&source);
    stage_file(&source, "other.zone", many);
    assert_int_equal(stage_configure(&source, CONFIG, true), ERR_OK);
    stage_publish(&source);
    image_take(&source, &image);
    target_init(&target, &image, CONFIG);
    assert_int_equal(restore(&target, &image, &zones), ERR_OK);
    stage_file(&target, "other.zone", HEAD);
    assert_int_equal(stage_load(&target, 1), ERR_HELD);
    stage_publish(&target);
    stage_expect(&target, OUT, "h7.other.example A", "NOERROR 192.0.2.1");
    stage_audit(&target);
    stage_deinit(&source);
    stage_deinit(&target);
    free(image.bytes);
}

/* Each configuration differs in one rule. What is then not served must be what it forbids. */
static const struct {
    const char *config;
    const char *from, *question, *answer;
    uint32_t zones;
} RULES[] = {
    /* The exception is gone: the zone would leak. */
    {SERVER VIEWS ZONES, OUT, "vpn.example.com A", "SERVFAIL", 1},
    /* The view with the private addresses is not internal any more. */
    {SERVER "views:\n"
            "  in: {match: [10.0.0.0/16]}\n"
            "  out: {default: true}\n" EXCEPTIONS ZONES,
     IN, "www.example.com A", "SERVFAIL", 1},
    /* The views changed places: an index means another one now. */
    {SERVER "views:\n"
            "  out: {default: true}\n"
            "  in: {internal: true, match: [10.0.0.0/16]}\n" EXCEPTIONS ZONES,
     OUT, "www.example.com A", "NOERROR 192.0.2.80", 2},
    /* A view more, that sees the base. */
    {SERVER "views:\n"
            "  in: {internal: true, match: [10.0.0.0/16]}\n"
            "  new: {match: [192.0.2.0/28]}\n"
            "  out: {default: true}\n"
            "leak-guard: {exceptions: [{name: vpn.example.com, prefix: 10.9.0.0/16, "
            "views: [new, out], reason: r}]}\n" ZONES,
     OUT, "beta.example.com A", "NOERROR 192.0.2.81", 2},
    /* The overlay says something else. */
    {SERVER VIEWS EXCEPTIONS "zones:\n"
                             "  - zone: example.com\n"
                             "    file: example.zone\n"
                             "    overlays:\n"
                             "      - {view: in, reason: r, replace: {www: 60 A 10.0.0.81}}\n",
     IN, "www.example.com A", "NOERROR 10.0.0.81", 1},
    /* The subtree is gone from the view. */
    {SERVER VIEWS EXCEPTIONS "zones:\n"
                             "  - zone: example.com\n"
                             "    file: example.zone\n"
                             "    subtrees: [{name: wild.example.com, only: [in]}]\n",
     OUT, "q.wild.example.com A", "NXDOMAIN", 1},
    /* The zone is for one view alone. */
    {SERVER VIEWS "zones:\n  - {zone: other.example, file: other.zone, only: [in]}\n", OUT,
     "q.w.other.example A", "REFUSED", 1},
    {SERVER VIEWS "zones:\n  - {zone: other.example, file: other.zone, only: [in]}\n", IN,
     "q.w.other.example A", "NOERROR 192.0.2.9", 1},
    /* Another file is another zone. */
    {SERVER VIEWS "zones:\n  - {zone: other.example, file: elsewhere.zone}\n", OUT,
     "q.w.other.example A", "SERVFAIL", 0},
    /* An overlay file that the image has not seen. */
    {SERVER VIEWS "zones:\n"
                  "  - zone: other.example\n"
                  "    file: other.zone\n"
                  "    overlays: [{view: in, reason: r, file: new.overlay}]\n",
     OUT, "q.w.other.example A", "SERVFAIL", 0},
};

static void other_rules_are_those_that_hold(void **state)
{
    (void)state;
    struct stage source;
    struct image image;
    source_init(&source);
    image_take(&source, &image);
    for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
        struct stage target;
        uint32_t zones;
        target_init(&target, &image, RULES[i].config);
        assert_int_equal(restore(&target, &image, &zones), ERR_OK);
        stage_expect(&target, RULES[i].from, RULES[i].question, RULES[i].answer);
        assert_int_equal(zones, RULES[i].zones);
        stage_deinit(&target);
    }
    stage_deinit(&source);
    free(image.bytes);
}

/* Between the plan and its writing everything changes; the image shows what was. */
static void control_goes_on_while_an_image_is_written(void **state)
{
    (void)state;
    struct stage source, target;
    struct image image;
    struct image_plan *plan;
    uint32_t zones;
    source_init(&source);
    uint64_t before = content_of(&source);
    assert_int_equal(control_image_begin(source.control, &plan), ERR_OK);
    for (unsigned i = 0; i < 50; i++) {
        char owner[32], text[64] = "";
        snprintf(owner, sizeof(owner), "n%u", i % 7);
        if (i < 40) {
            snprintf(text, sizeof(text), "n%u A 192.0.2.%u\n", i % 7, i);
        }
        int err = stage_change(&source, 0, owner, text); /* the last ones remove, some again */
        assert_true(err == ERR_OK || (i >= 47 && err == ERR_NOT_FOUND));
        stage_publish(&source);
    }
    stage_file(&source, "other.zone", HEAD "new A 192.0.2.1\n");
    assert_int_equal(stage_load(&source, 1), ERR_OK);
    stage_publish(&source);
    image.size = image_plan_bytes(plan);
    image.bytes = aligned_alloc(64, (image.size + 63) & ~(size_t)63);
    assert_int_equal(image_plan_write(plan, image.bytes, image.size, &image.parts), ERR_OK);
    control_image_end(source.control, plan);
    stage_audit(&source);
    target_init(&target, &image, CONFIG);
    assert_int_equal(restore(&target, &image, &zones), ERR_OK);
    assert_true(content_of(&target) == before);
    stage_deinit(&source);
    stage_deinit(&target);
    free(image.bytes);
}

static void a_list_that_is_not_whole_serves_nothing(void **state)
{
    (void)state;
    struct stage source, target;
    struct image image;
    uint32_t zones = 7;
    source_init(&source);
    image_take(&source, &image);
    target_init(&target, &image, CONFIG);
    for (size_t bytes = 0; bytes < image.parts.list_bytes; bytes++) {
        uint8_t *cut = malloc(bytes + 1); /* exact, so that a sanitizer sees a step too far */
        memcpy(cut, image_list(&image), bytes);
        assert_int_equal(control_restore(target.control, cut, bytes, &target.diags, &zones),
                         ERR_INVALID);
        free(cut);
    }
    assert_int_equal(zones, 7);
    stage_publish(&target);
    stage_expect(&target, OUT, "www.example.com A", "SERVFAIL");
    assert_int_equal(restore(&target, &image, &zones), ERR_OK); /* still all there */
    stage_deinit(&source);
    stage_deinit(&target);
    free(image.bytes);
}

static void without_memory_nothing_is_lost(void **state)
{
    (void)state;
    struct stage source;
    struct image image;
    struct image_plan *plan;
    source_init(&source);
    bool felt = true;
    for (size_t left = 0; felt; left++) {
        source.failing.left = left;
        int err = control_image_begin(source.control, &plan);
        felt = err != ERR_OK;
        assert_true(err == ERR_OK || err == ERR_NOMEM);
        source.failing.left = SIZE_MAX;
        if (felt) {
            stage_audit(&source);
        }
    }
    image.size = image_plan_bytes(plan);
    image.bytes = aligned_alloc(64, (image.size + 63) & ~(size_t)63);
    felt = true;
    for (size_t left = 0; felt; left++) {
        source.failing.left = left;
        int err = image_plan_write(plan, image.bytes, image.size, &image.parts);
        felt = err != ERR_OK;
        assert_true(err == ERR_OK || err == ERR_NOMEM);
        source.failing.left = SIZE_MAX;
    }
    struct image_parts none;
    uint8_t *small = aligned_alloc(64, (image.size + 63) & ~(size_t)63);
    assert_int_equal(image_plan_write(plan, small, image.parts.tree_bytes, &none), ERR_SPACE);
    assert_int_equal(image_plan_write(plan, small, 8, &none), ERR_SPACE);
    free(small);
    control_image_end(source.control, plan);
    stage_audit(&source);
    felt = true;
    for (size_t left = 0; felt; left++) {
        struct stage target;
        uint32_t zones;
        target_init(&target, &image, CONFIG);
        target.failing.left = left;
        int err = control_restore(target.control, image_list(&image), image.parts.list_bytes,
                                  &target.diags, &zones);
        felt = target.failing.failed;
        assert_true(err == ERR_OK || err == ERR_NOMEM);
        target.failing.left = SIZE_MAX;
        stage_audit(&target);
        stage_deinit(&target);
    }
    stage_deinit(&source);
    free(image.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_served_without_files),
        cmocka_unit_test(a_zone_that_lost_too_much_is_held_over_a_restart),
        cmocka_unit_test(other_rules_are_those_that_hold),
        cmocka_unit_test(control_goes_on_while_an_image_is_written),
        cmocka_unit_test(a_list_that_is_not_whole_serves_nothing),
        cmocka_unit_test(without_memory_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
