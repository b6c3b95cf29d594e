/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inputs in random order, with readers that stay for a while and memory that sometimes runs out:
 * after each input every block of the slab is accounted for, and no reader sees anything but what
 * it saw first.
 *
 * links: config
 */
#include "unit/control/stage.h"

#include "base/error.h"
#include "base/random.h"

#include <stdio.h>

#define APEX(serial) \
    "@ 300 SOA ns hostmaster " serial " 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
#define FEW "www A 192.0.2.80\nbeta A 192.0.2.81\na.corp A 192.0.2.82\nb.corp TXT x\n"
#define MANY                                                                           \
    "h0 A 192.0.2.1\nh1 A 192.0.2.1\nh2 A 192.0.2.1\nh3 A 192.0.2.1\nh4 A 192.0.2.1\n" \
    "h5 A 192.0.2.1\nh6 A 192.0.2.1\nh7 A 192.0.2.1\nh8 A 192.0.2.1\nh9 A 192.0.2.1\n" \
    "ha A 192.0.2.1\nhb A 192.0.2.1\nhc A 192.0.2.1\nhd A 192.0.2.1\nhe A 192.0.2.1\n"

static const char *const TEXTS[] = {
    APEX("1") FEW MANY,
    APEX("2") FEW,                                     /* held after the first */
    APEX("3") FEW MANY "new A 192.0.2.1\n*.w TXT w\n", /* passes */
    APEX("4") FEW MANY "www CNAME ns\n",               /* bad */
    APEX("5") FEW "www A 10.0.0.1\n",                  /* leaks */
    APEX("6"),                                         /* held */
    "@ SOA ns h 7 1 1 1 1\n@ NS ns\n",                 /* held: only SOA and NS */
    APEX("8") "h1 A 192.0.2.9\nh2 TXT z\n" MANY FEW,
};
static const char *const OVERLAYS[] = {
    "www A 10.0.0.4\nbeta A 10.0.0.5\nwww A 10.0.0.6\n",
    "h1 A 10.0.0.7\nx.y A 10.0.0.8\nbeta A 10.0.0.9\n",
    "@ SOA ns h 9 9 9 9 9\n", /* bad: a second SOA */
};

#define SERVER "server: {listen: [127.0.0.1:53]}\n"
#define IN "  in: {internal: true, match: [10.0.0.0/16]}\n"
#define LAB "  lab: {internal: true, match: [10.7.0.0/24]}\n"
#define OUT "  out: {default: true}\n"
#define FILES "  - zone: example.com\n    file: example.zone\n"
static const char *const CONFIGS[] = {
    SERVER "views:\n" IN OUT "zones:\n" FILES
           "    subtrees: [{name: corp.example.com, only: [in]}]\n"
           "    overlays:\n"
           "      - {view: in, file: in.overlay}\n"
           "  - {zone: other.example, file: other.zone}\n",
    SERVER "views:\n" LAB IN OUT "zones:\n"
           "  - {zone: other.example, file: other.zone, only: [lab, out]}\n" FILES "    overlays:\n"
           "      - {view: lab, replace: {www: A 10.7.0.80}, remove: [h3]}\n"
           "      - {view: in, file: in.overlay}\n",
    SERVER "views:\n" OUT LAB "zones:\n" FILES "    only: [out]\n", /* one zone less, a view gone */
    SERVER "views:\n" OUT "zones:\n" FILES "    overlays:\n"
           "      - {view: out, replace: {beta: A 10.0.0.1}}\n", /* leaks */
    SERVER "views:\n" IN OUT "zones:\n" FILES "    overlays:\n"
           "      - {view: in, file: more.overlay}\n", /* a file that may never have been loaded */
};

static void files_choose(struct stage *stage, struct random *random)
{
    stage_file(stage, "example.zone", TEXTS[random_below(random, sizeof(TEXTS) / sizeof(*TEXTS))]);
    stage_file(stage, "in.overlay",
               OVERLAYS[random_below(random, 8) ? random_below(random, 2) : 2]);
    stage_file(stage, "more.overlay", OVERLAYS[random_below(random, 2)]);
}

static int change_random(struct stage *stage, struct random *random)
{
    static const char *const owners[] = {"www", "beta", "h1",       "a.corp",
                                         "new", "x.y",  "c.b.corp", "*"};
    const char *owner = owners[random_below(random, 8)];
    char text[128] = "";
    if (random_below(random, 3)) {
        snprintf(text, sizeof(text), "%s A %s.0.2.%u\n", owner,
                 random_below(random, 9) ? "192" : "10", (unsigned)random_below(random, 250));
    }
    uint32_t zone = (uint32_t)random_below(random, stage->epoch.config->desired.zone_count);
    return stage_change(stage, zone, owner, text);
}

static int accept_random(struct stage *stage, struct random *random)
{
    struct zone_status status;
    uint32_t zone = (uint32_t)random_below(random, control_zone_count(stage->control) + 1);
    uint32_t serial = 1;
    if (control_zone_status(stage->control, zone, &status) == ERR_OK) {
        serial = status.held_serial;
        assert_int_equal(status.held_serial != 0, stage->control->zones[zone].held.present);
    }
    return control_accept(stage->control, zone, serial, (struct wall){1}, &stage->diags);
}

static int input_random(struct stage *stage, struct random *random)
{
    files_choose(stage, random);
    unsigned what = (unsigned)random_below(random, 20);
    if (!stage->epoch.config || what < 3) {
        const char *config = CONFIGS[random_below(random, sizeof(CONFIGS) / sizeof(*CONFIGS))];
        return stage_configure(stage, config, random_below(random, 2));
    }
    if (what < 7) {
        return stage_load(stage,
                          (uint32_t)random_below(random, control_zone_count(stage->control)));
    }
    if (what < 10) {
        return accept_random(stage, random);
    }
    if (what == 10) {
        control_zone_failed(stage->control, 0, "cannot be read");
        return ERR_OK;
    }
    return change_random(stage, random);
}

static void step(struct stage *stage, struct random *random)
{
    bool starved = random_below(random, 4) == 0;
    uint64_t before = stage_content(&stage->control->slab, stage->control->views, LIMIT_VIEWS);
    if (starved) {
        stage->failing.left = random_below(random, 40);
        stage->control->slab.backing.reserved =
            stage->control->slab.top + random_below(random, 200) * SLAB_UNIT;
    }
    int err = input_random(stage, random);
    stage->failing.left = SIZE_MAX;
    stage->control->slab.backing.reserved = STAGE_SLAB_SMALL_BYTES;
    assert_true(starved || err != ERR_NOMEM);
    if (err != ERR_OK) {
        assert_int_equal(stage_content(&stage->control->slab, stage->control->views, LIMIT_VIEWS),
                         before);
    }
    stage_audit(stage);
    if (random_below(random, 2)) {
        stage_publish(stage);
    }
    if (stage->reader_count > 1 && random_below(random, 8) == 0) {
        stage_reader_leave(stage);
    }
}

static void any_order_of_inputs_keeps_the_books(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct stage stage;
        struct random random;
        random_seed(&random, seed);
        stage_init_small(&stage);
        stage_file(&stage, "other.zone", APEX("9"));
        for (unsigned i = 0; i < 300; i++) {
            step(&stage, &random);
        }
        stage_deinit(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_inputs_keeps_the_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
