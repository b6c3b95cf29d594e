/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Memory that runs out, at every place where it can: the n-th allocation and all after it fail, and
 * the slab ends n units further. Each input then succeeds as a whole, or says so and leaves
 * everything as it was; nothing is lost in the slab or on the heap; once there is memory again, the
 * same input passes.
 *
 * links: config
 */
#include "unit/control/stage.h"

#include "base/error.h"

#define HEAD "@ 300 SOA ns hostmaster "
#define TAIL " 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
#define MORE "www A 192.0.2.80\nbeta A 192.0.2.81\na.corp A 192.0.2.82\nb.corp TXT x\n"
#define HOSTS                                                                          \
    "h0 A 192.0.2.1\nh1 A 192.0.2.1\nh2 A 192.0.2.1\nh3 A 192.0.2.1\nh4 A 192.0.2.1\n" \
    "h5 A 192.0.2.1\nh6 A 192.0.2.1\nh7 A 192.0.2.1\nh8 A 192.0.2.1\nh9 A 192.0.2.1\n" \
    "ha A 192.0.2.1\nhb A 192.0.2.1\nhc A 192.0.2.1\nhd A 192.0.2.1\nhe A 192.0.2.1\n"

static const char CONFIG_1[] = "server: {listen: [127.0.0.1:53]}\n"
                               "views:\n"
                               "  in: {internal: true, match: [10.0.0.0/16]}\n"
                               "  out: {default: true}\n"
                               "zones:\n"
                               "  - zone: example.com\n"
                               "    file: example.zone\n"
                               "    subtrees: [{name: corp.example.com, only: [in]}]\n"
                               "    overlays:\n"
                               "      - {view: in, file: in.overlay, replace: {h0: A 10.0.0.3}}\n"
                               "  - {zone: other.example, file: other.zone}\n";
static const char CONFIG_2[] = "server: {listen: [127.0.0.1:53]}\n"
                               "views:\n"
                               "  lab: {internal: true, match: [10.7.0.0/24]}\n"
                               "  in: {internal: true, match: [10.0.0.0/16]}\n"
                               "  out: {default: true}\n"
                               "zones:\n"
                               "  - {zone: third.example, file: other.zone}\n"
                               "  - zone: example.com\n"
                               "    file: example.zone\n"
                               "    overlays:\n"
                               "      - {view: lab, replace: {www: A 10.7.0.80, h1: A 10.7.0.1}}\n"
                               "      - {view: in, file: in.overlay}\n";

static void prepare_nothing(struct stage *stage)
{
    (void)stage;
}

static void prepare_configured(struct stage *stage)
{
    assert_int_equal(stage_configure(stage, CONFIG_1, false), ERR_OK);
    stage_publish(stage);
}

static void prepare_loaded(struct stage *stage)
{
    assert_int_equal(stage_configure(stage, CONFIG_1, true), ERR_OK);
    stage_publish(stage);
}

static void prepare_new_text(struct stage *stage)
{
    prepare_loaded(stage);
    stage_file(stage, "example.zone", HEAD "2" TAIL MORE HOSTS "new A 192.0.2.1\nh0 A 192.0.2.2\n");
    stage_file(stage, "in.overlay", "www A 10.0.0.4\nbeta TXT y\nwww A 10.0.0.5\n");
}

static void prepare_held_text(struct stage *stage)
{
    prepare_loaded(stage);
    stage_file(stage, "example.zone", HEAD "2" TAIL MORE);
}

static void prepare_held(struct stage *stage)
{
    prepare_held_text(stage);
    assert_int_equal(stage_load(stage, 0), ERR_HELD);
}

static int input_configure(struct stage *stage)
{
    return stage_configure(stage, CONFIG_1, false);
}

static int input_load(struct stage *stage)
{
    return stage_load(stage, 0);
}

static int input_reload(struct stage *stage)
{
    return stage_configure(stage, CONFIG_2, true);
}

static int input_reload_carried(struct stage *stage)
{
    return stage_configure(stage, CONFIG_2, false);
}

static int input_change(struct stage *stage)
{
    return stage_change(stage, 0, "www", "www A 192.0.2.7\nwww TXT y\n");
}

static int input_add(struct stage *stage)
{
    return stage_change(stage, 0, "deep.down.corp", "deep.down.corp A 192.0.2.7\n");
}

static int input_remove(struct stage *stage)
{
    return stage_change(stage, 0, "h1", "");
}

static int input_accept(struct stage *stage)
{
    return control_accept(stage->control, 0, 2, (struct wall){9}, &stage->diags);
}

static const struct input {
    void (*prepare)(struct stage *stage);
    int (*input)(struct stage *stage);
    int good; /* what it gives with memory enough */
} INPUTS[] = {
    {prepare_nothing, input_configure, ERR_OK},     {prepare_configured, input_load, ERR_OK},
    {prepare_new_text, input_load, ERR_OK},         {prepare_held_text, input_load, ERR_HELD},
    {prepare_held, input_load, ERR_HELD},           {prepare_held, input_accept, ERR_OK},
    {prepare_loaded, input_change, ERR_OK},         {prepare_loaded, input_add, ERR_OK},
    {prepare_loaded, input_remove, ERR_OK},         {prepare_held, input_remove, ERR_OK},
    {prepare_new_text, input_reload, ERR_OK},       {prepare_held_text, input_reload, ERR_OK},
    {prepare_loaded, input_reload_carried, ERR_OK}, {prepare_held, input_reload_carried, ERR_OK},
};

static void stage_prepare(struct stage *stage, const struct input *input)
{
    stage_init_small(stage);
    stage_file(stage, "example.zone", HEAD "1" TAIL MORE HOSTS);
    stage_file(stage, "other.zone", HEAD "7" TAIL);
    stage_file(stage, "in.overlay", "www A 10.0.0.1\nh0 A 10.0.0.2\nwww A 10.0.0.3\n");
    input->prepare(stage);
}

static uint64_t stage_sum(const struct stage *stage)
{
    return stage_content(&stage->control->slab, stage->control->views, LIMIT_VIEWS);
}

/* One input under want. Returns whether the want was felt. */
static bool starve(const struct input *input, size_t heap_calls, size_t slab_units)
{
    struct stage stage;
    stage_prepare(&stage, input);
    uint64_t before = stage_sum(&stage);
    uint32_t zones = control_zone_count(stage.control);
    stage.failing.left = heap_calls;
    if (slab_units != SIZE_MAX) {
        stage.control->slab.backing.reserved = stage.control->slab.top + slab_units * SLAB_UNIT;
    }
    int err = input->input(&stage);
    bool felt = stage.failing.failed || err == ERR_NOMEM;
    stage.failing.left = SIZE_MAX;
    stage.control->slab.backing.reserved = STAGE_SLAB_SMALL_BYTES;
    stage_audit(&stage);
    if (err != input->good) {
        assert_true(felt);
        assert_int_equal(err, ERR_NOMEM);
        assert_int_equal(stage_sum(&stage), before);
        assert_int_equal(control_zone_count(stage.control), zones);
        assert_int_equal(input->input(&stage), input->good);
        stage_audit(&stage);
    }
    stage_publish(&stage);
    stage_deinit(&stage);
    return felt;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(INPUTS) / sizeof(INPUTS[0]); i++) {
        size_t n = 0;
        while (starve(&INPUTS[i], n, SIZE_MAX)) {
            n++;
        }
        assert_in_range(n, 1, 10000);
    }
}

static void the_slab_may_end_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(INPUTS) / sizeof(INPUTS[0]); i++) {
        size_t n = 0;
        while (starve(&INPUTS[i], SIZE_MAX, n)) {
            n++;
        }
        assert_in_range(n, 1, 100000);
    }
}

static void a_control_that_cannot_begin_says_so(void **state)
{
    (void)state;
    struct failing failing;
    struct backing memory;
    struct slab_backing backing = backing_init(&memory, 1 << 16);
    struct control *control = NULL;
    failing_init(&failing, 1);
    assert_int_equal(control_new(&failing.alloc, &backing, &control), ERR_NOMEM);
    assert_null(control);
    control_free(control);
    backing_deinit(&memory);
}

/* What a change cannot be shown with, it asked for before. */
static void a_snapshot_is_taken_without_memory(void **state)
{
    (void)state;
    struct stage stage;
    stage_prepare(&stage, &INPUTS[6]);
    assert_int_equal(input_change(&stage), ERR_OK);
    stage.failing.left = 0;
    assert_true(stage_publish(&stage));
    stage.failing.left = SIZE_MAX;
    stage_expect(&stage, "192.0.2.9", "www.example.com A", "NOERROR 192.0.2.7");
    stage_audit(&stage);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_control_that_cannot_begin_says_so),
        cmocka_unit_test(a_snapshot_is_taken_without_memory),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(the_slab_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
