/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The order of precedence, case by case, and its properties over random services: never a bad
 * instance while the chosen pool has a good one, never nothing unless policy or operator say so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "failover/choose.h"

#include <string.h>

/* One letter an instance: P passing, W warning, C critical, U unknown and never worked, c critical
 * and never worked, M maintenance; u and d: passing, overridden up (critical) and down. A digit
 * before it: its pool. */
static uint32_t parse(const char *text, struct candidate *out)
{
    uint32_t count = 0;
    uint16_t pool = POOL_REST;
    for (; *text; text++) {
        if (*text >= '0' && *text <= '9') {
            pool = (uint16_t)(*text - '0');
            continue;
        }
        struct candidate one = {.pool = pool, .weight = 10, .ramp = 1000, .proven = true};
        switch (*text) {
        case 'P':
            one.verdict = VERDICT_PASSING;
            break;
        case 'W':
            one.verdict = VERDICT_WARNING;
            break;
        case 'M':
            one.verdict = VERDICT_MAINTENANCE;
            break;
        case 'U':
            one.verdict = VERDICT_UNKNOWN;
            one.proven = false;
            break;
        case 'c':
            one.proven = false;
            one.verdict = VERDICT_CRITICAL;
            break;
        case 'u':
            one.verdict = VERDICT_CRITICAL;
            one.override = 1 + OVERRIDE_UP;
            break;
        case 'd':
            one.verdict = VERDICT_PASSING;
            one.override = 1 + OVERRIDE_DOWN;
            break;
        default:
            one.verdict = VERDICT_CRITICAL;
        }
        out[count++] = one;
    }
    return count;
}

static void test_table(void **state)
{
    static const struct {
        const char *instances;
        unsigned panic, sites;
        bool closed;
        enum choice_kind kind;
        const char *chosen; /* + or - for each */
    } rows[] = {
        {"", 0, 0, false, CHOICE_NONE, ""},
        {"PPP", 0, 0, false, CHOICE_WORKING, "+++"},
        {"PCW", 0, 0, false, CHOICE_WORKING, "+-+"},
        {"CCP", 0, 0, false, CHOICE_WORKING, "--+"}, /* 2 of 3 killed */
        {"CCP", 50, 0, false, CHOICE_PANIC, "+++"},
        {"CPP", 50, 0, false, CHOICE_WORKING, "-++"},
        {"CCC", 0, 0, false, CHOICE_NEVER_EMPTY, "+++"},
        {"CCC", 0, 0, true, CHOICE_CLOSED, "---"},
        {"UUU", 0, 0, false, CHOICE_UNPROVEN, "---"},
        {"UPU", 0, 0, false, CHOICE_WORKING, "-+-"},
        {"UCU", 0, 0, false, CHOICE_NEVER_EMPTY, "-+-"},
        {"cC", 0, 0, false, CHOICE_NEVER_EMPTY, "-+"},
        {"ddd", 0, 0, false, CHOICE_OPERATOR, "---"},
        {"ddC", 0, 0, false, CHOICE_NEVER_EMPTY, "--+"},
        {"udC", 0, 0, false, CHOICE_WORKING, "+--"},
        {"MP", 0, 0, false, CHOICE_WORKING, "-+"},
        /* Sites: the first that is not down; below half of its weight it is. */
        {"0PP1PP", 0, 2, false, CHOICE_WORKING, "++--"},
        {"0CP1PP", 0, 2, false, CHOICE_WORKING, "-+--"},
        {"0CCP1PP", 0, 2, false, CHOICE_WORKING, "---++"},
        {"0CC1PP", 0, 2, false, CHOICE_WORKING, "--++"}, /* one of two sites lost */
        {"0CC1CC", 0, 2, false, CHOICE_NEVER_EMPTY, "++--"},
        {"0CCP1CCC", 0, 2, false, CHOICE_WORKING, "--+---"}, /* both down: what works most */
        {"1PP", 0, 2, false, CHOICE_WORKING, "++"},
        {"0dd1PP", 0, 2, false, CHOICE_WORKING, "--++"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        static const char *sites[] = {"a", "b"};
        struct service service;
        struct candidate candidates[16];
        struct choice choice;
        char chosen[17] = "";
        service_default(&service);
        service.panic_percent = (uint8_t)rows[i].panic;
        service.closed = rows[i].closed;
        service.sites = sites;
        service.site_count = (uint16_t)rows[i].sites;
        uint32_t count = parse(rows[i].instances, candidates);
        choose(&service, candidates, count, &choice);
        for (uint32_t k = 0; k < count; k++) {
            chosen[k] = candidates[k].chosen ? '+' : '-';
        }
        if (choice.kind != rows[i].kind || strcmp(chosen, rows[i].chosen) != 0) {
            fail_msg("%s: %s %s", rows[i].instances, choice_name(choice.kind), chosen);
        }
    }
}

static void test_weights(void **state)
{
    struct service service;
    struct choice choice;
    struct candidate two[2];
    (void)state;
    service_default(&service);
    parse("PP", two);
    two[0].weight = 0;
    choose(&service, two, 2, &choice);
    assert_int_equal(two[0].share, 0);
    assert_int_equal(two[1].share, 10);
    two[1].weight = 0; /* nothing else is left */
    choose(&service, two, 2, &choice);
    assert_int_equal(two[0].share, 1);
    assert_int_equal(two[1].share, 1);
    two[0].weight = two[1].weight = 100;
    two[1].ramp = 100;
    choose(&service, two, 2, &choice);
    assert_int_equal(two[0].share, 100 * choice.scale);
    assert_int_equal(two[1].share, 10 * choice.scale);
    two[0].weight = two[1].weight = 1; /* a tenth of the least weight */
    choose(&service, two, 2, &choice);
    assert_int_equal(two[0].share, choice.scale);
    assert_in_range(two[1].share, choice.scale / 10, choice.scale / 10 + 1);
    two[0].weight = 65535;
    choose(&service, two, 2, &choice);
    assert_int_equal(choice.scale, 1);
    assert_int_equal(two[0].share, 65535);
    assert_int_equal(two[1].share, 1);
}

static void test_spill(void **state)
{
    static const char *sites[] = {"a", "b", "c"};
    struct service service;
    struct choice choice;
    struct candidate five[5];
    (void)state;
    service_default(&service);
    service.sites = sites;
    service.site_count = 3;
    parse("0PPC1C2P", five); /* a third of the own site is lost; the next one has nothing */
    choose(&service, five, 5, &choice);
    choose_spill(&service, five, 5, &choice);
    assert_int_equal(choice.pool, 0);
    assert_int_equal(choice.chosen, 3);
    assert_int_equal(five[0].share, 10);
    assert_int_equal(five[1].share, 10);
    assert_int_equal(five[4].share, 10); /* what the third instance had */
    parse("0PPP1P", five);
    choose(&service, five, 4, &choice);
    choose_spill(&service, five, 4, &choice);
    assert_int_equal(choice.chosen, 3);
}

static void judge_random(struct random *random)
{
    static const char *sites[] = {"a", "b", "c"};
    struct service service;
    struct candidate candidates[12];
    struct choice choice;
    char text[32];
    unsigned len = 0, count = 0;
    service_default(&service);
    service.sites = sites;
    service.site_count = (uint16_t)random_below(random, 4);
    for (unsigned n = (unsigned)random_below(random, 12); count < n; count++) {
        text[len++] = (char)('0' + random_below(random, 4));
        text[len++] = "PWCUcMud"[random_below(random, 8)];
    }
    text[len] = '\0';
    parse(text, candidates);
    for (unsigned i = 0; i < count; i++) {
        if (candidates[i].pool >= service.site_count) {
            candidates[i].pool = POOL_REST;
        }
    }
    choose(&service, candidates, count, &choice);
    unsigned works = 0, chosen = 0, bad = 0, left = 0;
    for (unsigned i = 0; i < count; i++) {
        bool in = candidates[i].pool == choice.pool;
        bool down = candidates[i].override == 1 + OVERRIDE_DOWN ||
                    candidates[i].verdict == VERDICT_MAINTENANCE;
        works += candidate_works(&candidates[i]);
        chosen += candidates[i].chosen;
        bad += candidates[i].chosen && !candidate_works(&candidates[i]);
        left += !down && candidates[i].proven;
        assert_false(candidates[i].chosen && (!in || down));
        assert_false(candidates[i].chosen && candidates[i].verdict == VERDICT_UNKNOWN);
    }
    assert_true(works == 0 || bad == 0);
    assert_true(works == 0 || chosen > 0);
    assert_true(left == 0 || chosen > 0);
    assert_int_equal(choice.chosen, chosen);
    assert_true(choice.kind == CHOICE_WORKING ? chosen > 0 && bad == 0 : works == 0);
}

static void test_properties(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 3);
    for (int i = 0; i < 50000; i++) {
        judge_random(&random);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_spill),
        cmocka_unit_test(test_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
