/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The incremental path against the whole one: after random changes of single names, the trees of
 * all views are what a fresh control makes of the same records, overlays and rules. And its bar: a
 * change of one name must not cost more because the zone is large.
 *
 * links: config
 */
#include "unit/control/stage.h"

#include "base/error.h"
#include "base/random.h"
#include "dns/name.h"

#include <stdio.h>
#include <time.h>

static const char CONFIG[] =
    "server: {listen: [127.0.0.1:53]}\n"
    "views:\n"
    "  a: {internal: true, match: [10.0.0.0/16]}\n"
    "  b: {internal: true, match: [10.1.0.0/16]}\n"
    "  c: {internal: true, match: [10.2.0.0/16]}\n"
    "  d: {default: true}\n"
    "zones:\n"
    "  - zone: example.com\n"
    "    file: example.zone\n"
    "    subtrees: [{name: c.example.com, only: [a, d]}, {name: b.c.example.com, only: [a]}]\n"
    "    overlays:\n"
    "      - {view: a, file: a.overlay}\n"
    "      - view: b\n"
    "        reason: r\n"
    "        replace: {a: A 10.1.0.1, a.b: AAAA fd00::1, \"c.a TXT\": TXT t, \"*.a\": A 10.1.0.2}\n"
    "        add: {\"a.a.a\": A 10.1.0.3, zz: A 10.1.0.4, b.b: A 10.1.0.5}\n"
    "        remove: [b, c.b, \"aa TXT\", \"*\"]\n"
    "  - zone: other.example\n"
    "    file: other.zone\n";

enum {
    LABELS = 7,
    NAMES = 1 + LABELS + LABELS * LABELS + 4 * LABELS * LABELS,
    TEXT = 1 << 16
};

static const char *const LABEL[LABELS] = {"a", "b", "c", "aa", "*", "ab-c", "zz"};

/* What the base holds: for each name the number of a text, 0 for none. */
struct base {
    char name[NAMES][24];
    unsigned count;
    unsigned char held[NAMES];
    char text[TEXT];
};

static void base_init(struct base *base)
{
    memset(base, 0, sizeof(*base));
    for (unsigned i = 0; i < LABELS; i++) {
        snprintf(base->name[base->count++], 24, "%s", LABEL[i]);
        for (unsigned k = 0; k < LABELS; k++) {
            snprintf(base->name[base->count++], 24, "%s.%s", LABEL[k], LABEL[i]);
            for (unsigned m = 0; m < 4; m++) {
                snprintf(base->name[base->count++], 24, "%s.%s.%s", LABEL[m], LABEL[k], LABEL[i]);
            }
        }
    }
}

static const char *records_of(const char *name, unsigned which)
{
    static char text[256];
    switch (which) {
    case 0:
        return "";
    case 1:
        snprintf(text, sizeof(text), "%s A 192.0.2.1\n", name);
        break;
    case 2:
        snprintf(text, sizeof(text), "%s 60 A 192.0.2.2\n%s TXT x\n", name, name);
        break;
    case 3:
        snprintf(text, sizeof(text), "%s TXT y\n", name);
        break;
    default:
        snprintf(text, sizeof(text), "%s AAAA 2001:db8::1\n%s A 192.0.2.3\n%s A 192.0.2.4\n", name,
                 name, name);
        break;
    }
    return text;
}

static const char *base_text(struct base *base)
{
    size_t at = (size_t)snprintf(base->text, TEXT, "@ SOA ns h 1 1 1 1 1\n@ NS ns\n$TTL 300\n");
    for (unsigned i = 0; i < base->count; i++) {
        at += (size_t)snprintf(base->text + at, TEXT - at, "%s",
                               base->held[i] ? records_of(base->name[i], base->held[i]) : "");
        assert_true(at < TEXT);
    }
    return base->text;
}

static void stage_load_all(struct stage *stage, const char *text)
{
    stage_init_small(stage);
    stage_file(stage, "example.zone", text);
    stage_file(stage, "other.zone", "@ SOA ns h 1 1 1 1 1\n@ NS ns\n");
    stage_file(stage, "a.overlay", "b A 10.0.0.1\na.b A 10.0.0.2\n*.c A 10.0.0.3\naa.aa TXT o\n");
    assert_int_equal(stage_configure(stage, CONFIG, true), ERR_OK);
    assert_true(stage_publish(stage));
}

static void change_random(struct stage *stage, struct base *base, struct random *random)
{
    unsigned at = (unsigned)random_below(random, base->count);
    unsigned which = (unsigned)random_below(random, 5);
    int err = stage_change(stage, 0, base->name[at], records_of(base->name[at], which));
    assert_int_equal(err, which || base->held[at] ? ERR_OK : ERR_NOT_FOUND);
    base->held[at] = (unsigned char)which;
}

/* A wildcard flag may stay behind when the last wildcard goes: it only costs a look. */
static void flags_forget(struct stage *stage)
{
    struct control *control = stage->control;
    for (unsigned view = 0; view < 4; view++) {
        struct qp_iter iter;
        qp_iter_init(&iter, &control->slab, control->views[view]);
        for (ref_t ref; (ref = qp_iter_next(&iter)) != 0;) {
            struct zone_view *zone = slab_at(&control->slab, ref);
            zone->head.flags |= ZONE_VIEW_WILDCARD;
        }
    }
}

static void run(uint64_t seed)
{
    struct random random;
    struct stage stage, fresh;
    struct base *base = malloc(sizeof(*base));
    assert_non_null(base);
    random_seed(&random, seed);
    base_init(base);
    for (unsigned i = 0; i < base->count; i++) {
        base->held[i] = (unsigned char)(random_below(&random, 3) ? 0 : random_below(&random, 5));
    }
    stage_load_all(&stage, base_text(base));
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned i = 0; i < 25; i++) {
            change_random(&stage, base, &random);
            if (i % 3 == 0) {
                stage_publish(&stage);
            }
        }
        stage_audit(&stage);
        stage_load_all(&fresh, base_text(base));
        flags_forget(&stage);
        flags_forget(&fresh);
        assert_int_equal(stage_content(&stage.control->slab, stage.control->views, 4),
                         stage_content(&fresh.control->slab, fresh.control->views, 4));
        struct zone_status status, wanted;
        control_zone_status(stage.control, 0, &status);
        control_zone_status(fresh.control, 0, &wanted);
        assert_int_equal(status.names, wanted.names);
        fresh.readers[0].content = stage_content(&fresh.control->slab, fresh.control->views, 4);
        stage_publish(&stage);
        while (stage.reader_count > 1) {
            stage.readers[0].content =
                stage_content(&stage.control->slab, stage.readers[0].snapshot->views, 4);
            stage_reader_leave(&stage);
        }
        stage.readers[0].content =
            stage_content(&stage.control->slab, stage.readers[0].snapshot->views, 4);
        stage_deinit(&fresh);
    }
    stage_deinit(&stage);
    free(base);
}

static void changes_give_what_a_fresh_load_gives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        run(seed);
    }
}

/* --- the bar -------------------------------------------------------------------------------------
 */

/* A sanitizer's own work is not the change's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#define COST_LIMIT_NS 500000
#else
#define COST_LIMIT_NS 50000
#endif

enum {
    HOSTS = 100000,
    CHANGES = 2000
};

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static char *hosts_text(const char *head, unsigned step, const char *net)
{
    char *text = malloc((size_t)HOSTS / step * 40 + 100), *at = text;
    assert_non_null(text);
    at += sprintf(at, "%s", head);
    for (unsigned i = 0; i < HOSTS; i += step) {
        at += sprintf(at, "h%u.rack%u A %s.%u.%u\n", i, i % 97, net, i / 250 % 250, i % 250);
    }
    return text;
}

static int ns_compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

/* The median, so that a busy machine does not matter; snapshot and retirement included. */
static int64_t change_cost(struct stage *stage, struct random *random)
{
    static int64_t cost[CHANGES];
    const struct snapshot *last = stage->readers[0].snapshot;
    for (unsigned i = 0; i < CHANGES; i++) {
        unsigned host = (unsigned)random_below(random, HOSTS);
        uint8_t owner[NAME_MAX], rdata[4] = {52, 0, (uint8_t)(i >> 8), (uint8_t)i};
        char text[64];
        struct draft_record record = {.rdata = rdata, .ttl = 60, .type = TYPE_A, .len = 4};
        snprintf(text, sizeof(text), "%s%u.rack%u.example.com.", i % 2 ? "h" : "n", host,
                 host % 97);
        assert_int_equal(name_from_text(text, NULL, owner), ERR_OK);
        int64_t start = cpu_ns();
        int err = control_change_name(stage->control, 0, owner, &record, 1, &stage->diags);
        const struct snapshot *next = control_take_snapshot(stage->control);
        control_retire(stage->control, last);
        cost[i] = cpu_ns() - start;
        assert_int_equal(err, ERR_OK);
        assert_non_null(next);
        last = next;
    }
    stage->readers[0].snapshot = last;
    stage->readers[0].content = stage_content(&stage->control->slab, last->views, last->view_count);
    qsort(cost, CHANGES, sizeof(cost[0]), ns_compare);
    return cost[CHANGES / 2];
}

static const char COST_CONFIG[] = "server: {listen: [127.0.0.1:53]}\n"
                                  "views:\n"
                                  "  a: {internal: true, match: [10.0.0.0/16]}\n"
                                  "  b: {internal: true, match: [10.1.0.0/16]}\n"
                                  "  c: {internal: true, match: [10.2.0.0/16]}\n"
                                  "  d: {default: true}\n"
                                  "zones:\n"
                                  "  - zone: example.com\n"
                                  "    file: example.zone\n"
                                  "    overlays:\n"
                                  "      - {views: [a, b], file: few.overlay}\n"
                                  "      - {view: c, file: many.overlay}\n";

static void a_change_costs_at_most_50_us_of_cpu(void **state)
{
    (void)state;
    struct stage stage;
    struct random random;
    char *base = hosts_text("@ SOA ns h 1 1 1 1 1\n@ NS ns\n", 1, "52.0");
    char *few = hosts_text("", 100, "10.0"), *many = hosts_text("", 10, "10.2");
    stage_init(&stage);
    stage_file(&stage, "example.zone", base);
    stage_file(&stage, "few.overlay", few);
    stage_file(&stage, "many.overlay", many);
    assert_int_equal(stage_configure(&stage, COST_CONFIG, true), ERR_OK);
    assert_true(stage_publish(&stage));
    random_seed(&random, 1);
    uint64_t before = stage.control->slab.live_bytes;
    int64_t cost = change_cost(&stage, &random);
    print_message("%lld ns a change\n", (long long)cost);
    assert_true(cost <= COST_LIMIT_NS);
    assert_true(stage.control->slab.live_bytes - before < CHANGES * 1000u);
    stage_audit(&stage);
    stage_deinit(&stage);
    free(base);
    free(few);
    free(many);
}

/* Views share what they do not change: a second one costs its k names, and the paths to them. */
static void a_view_costs_memory_for_its_differences(void **state)
{
    (void)state;
    static const char plain[] = "server: {listen: [127.0.0.1:53]}\n"
                                "views:\n"
                                "  d: {default: true}\n"
                                "zones:\n"
                                "  - {zone: example.com, file: example.zone}\n";
    struct stage stage;
    char *base = hosts_text("@ SOA ns h 1 1 1 1 1\n@ NS ns\n", 1, "52.0");
    char *few = hosts_text("", 100, "10.0"), *many = hosts_text("", 10, "10.2");
    stage_init(&stage);
    stage_file(&stage, "example.zone", base);
    assert_int_equal(stage_configure(&stage, plain, true), ERR_OK);
    uint64_t alone = stage.control->slab.live_bytes;
    stage_file(&stage, "few.overlay", few);
    stage_file(&stage, "many.overlay", "");
    assert_int_equal(stage_configure(&stage, COST_CONFIG, true), ERR_OK);
    uint64_t more = stage.control->slab.live_bytes - alone;
    print_message("%llu bytes a name, %llu a name that differs in a view\n",
                  (unsigned long long)alone / HOSTS, (unsigned long long)more / (2 * HOSTS / 100));
    assert_true(alone <= 100u * HOSTS);
    assert_true(more < 2 * (HOSTS / 100) * 1000u);
    stage_audit(&stage);
    stage_deinit(&stage);
    free(base);
    free(few);
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_give_what_a_fresh_load_gives),
        cmocka_unit_test(a_change_costs_at_most_50_us_of_cpu),
        cmocka_unit_test(a_view_costs_memory_for_its_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
