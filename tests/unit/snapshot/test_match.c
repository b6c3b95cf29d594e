/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who asks: the flattened ranges against a plain reading of the rules, on chosen and on random
 * configurations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/random.h"
#include "snapshot/match.h"
#include "unit/failing.h"

#include <string.h>

enum {
    VIEWS = 4,
    LISTENERS = 3,
    MATCHES = 40,
    SUBNETS = 6
};

struct setting {
    struct desired desired;
    struct desired_listener listeners[LISTENERS];
    struct desired_view views[VIEWS];
    struct desired_match matches[VIEWS][MATCHES];
    struct prefix subnets[VIEWS][SUBNETS];
};

static void setting_init(struct setting *setting)
{
    memset(setting, 0, sizeof(*setting));
    setting->desired = (struct desired){
        .listeners = setting->listeners,
        .listener_count = LISTENERS,
        .views = setting->views,
        .view_count = VIEWS,
    };
    for (unsigned i = 0; i < LISTENERS; i++) {
        setting->listeners[i].slot = (uint16_t)(i == 2 ? 9 : i); /* a reload may leave gaps */
    }
    for (unsigned i = 0; i < VIEWS; i++) {
        setting->views[i].matches = setting->matches[i];
        setting->views[i].subnet_from = setting->subnets[i];
    }
}

static void match_add(struct setting *setting, unsigned view, const char *prefix, int listener)
{
    struct desired_view *to = &setting->views[view];
    struct desired_match *match = &to->matches[to->match_count++];
    assert_int_equal(prefix_from_text(prefix, &match->prefix), ERR_OK);
    match->listener = listener;
}

static struct view_match *match_of(const struct setting *setting)
{
    struct view_match *match;
    assert_int_equal(view_match_new(&ALLOC_MALLOC, &setting->desired, &match), ERR_OK);
    return match;
}

static unsigned find(const struct view_match *match, unsigned slot, const char *text)
{
    struct address address;
    assert_int_equal(address_from_text(text, &address), ERR_OK);
    return view_match_find(match, slot, &address);
}

static void test_longest_prefix_wins(void **state)
{
    (void)state;
    struct setting setting;
    setting_init(&setting);
    match_add(&setting, 0, "10.0.0.0/8", -1);
    match_add(&setting, 1, "10.1.0.0/16", -1);
    match_add(&setting, 2, "10.1.2.3", -1);
    match_add(&setting, 0, "2001:db8::/32", -1);
    match_add(&setting, 1, "2001:db8:1::/48", -1);
    struct view_match *match = match_of(&setting);
    assert_int_equal(find(match, 0, "10.0.0.1"), 0);
    assert_int_equal(find(match, 0, "10.1.0.0"), 1);
    assert_int_equal(find(match, 0, "10.1.2.2"), 1);
    assert_int_equal(find(match, 0, "10.1.2.3"), 2);
    assert_int_equal(find(match, 0, "10.1.2.4"), 1);
    assert_int_equal(find(match, 0, "10.2.0.0"), 0);
    assert_int_equal(find(match, 0, "10.255.255.255"), 0);
    assert_int_equal(find(match, 0, "11.0.0.0"), VIEW_NONE);
    assert_int_equal(find(match, 0, "9.255.255.255"), VIEW_NONE);
    assert_int_equal(find(match, 0, "::ffff:10.1.2.3"), 2);
    assert_int_equal(find(match, 0, "2001:db8::1"), 0);
    assert_int_equal(find(match, 0, "2001:db8:1:ffff::"), 1);
    assert_int_equal(find(match, 0, "2001:db9::"), VIEW_NONE);
    assert_int_equal(find(match, 4711, "10.1.2.3"), 2);
    view_match_free(match);
}

static void test_listener_beats_prefix(void **state)
{
    (void)state;
    struct setting setting;
    setting_init(&setting);
    match_add(&setting, 0, "10.1.2.3", -1);
    match_add(&setting, 1, "10.0.0.0/8", 2);
    match_add(&setting, 2, "0.0.0.0/0", 1);
    setting.views[3].is_default = true;
    struct view_match *match = match_of(&setting);
    assert_int_equal(find(match, 0, "10.1.2.3"), 0);
    assert_int_equal(find(match, 0, "10.1.2.4"), 3);
    assert_int_equal(find(match, 9, "10.1.2.3"), 1); /* slot of the third listener */
    assert_int_equal(find(match, 9, "192.0.2.1"), 3);
    assert_int_equal(find(match, 1, "10.1.2.3"), 2);
    assert_int_equal(find(match, 1, "2001:db8::1"), 3);
    assert_int_equal(find(match, 2, "10.1.2.3"), 0); /* a slot nobody has */
    view_match_free(match);
}

static void test_ipv6_rules_are_not_for_ipv4(void **state)
{
    (void)state;
    struct setting setting;
    setting_init(&setting);
    match_add(&setting, 0, "::/0", -1);
    match_add(&setting, 1, "::/64", 0);
    match_add(&setting, 2, "0.0.0.0/0", -1);
    struct view_match *match = match_of(&setting);
    assert_int_equal(find(match, 0, "192.0.2.1"), 2);
    assert_int_equal(find(match, 1, "2001:db8::1"), 0);
    assert_int_equal(find(match, 0, "::5"), 1);
    assert_int_equal(find(match, 0, "::1:0:0:0"), 1);
    assert_int_equal(find(match, 0, "0:0:0:1::"), 0);
    assert_int_equal(find(match, 0, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 0);
    view_match_free(match);

    setting_init(&setting);
    match_add(&setting, 0, "::/0", -1);
    match = match_of(&setting);
    assert_int_equal(find(match, 0, "192.0.2.1"), VIEW_NONE);
    view_match_free(match);
}

static void test_empty_and_default(void **state)
{
    (void)state;
    struct setting setting;
    setting_init(&setting);
    struct view_match *match = match_of(&setting);
    assert_int_equal(find(match, 0, "192.0.2.1"), VIEW_NONE);
    assert_int_equal(find(match, 0, "::"), VIEW_NONE);
    view_match_free(match);
    setting.views[2].is_default = true;
    match = match_of(&setting);
    assert_int_equal(find(match, 0, "192.0.2.1"), 2);
    assert_int_equal(find(match, 7, "::"), 2);
    view_match_free(match);
    view_match_free(NULL);
}

/* The rules as the documentation words them, one by one. */
static unsigned plain_find(const struct setting *setting, unsigned slot,
                           const struct address *client)
{
    unsigned best = VIEW_NONE;
    int best_rank = -1;
    for (unsigned view = 0; view < VIEWS; view++) {
        for (unsigned i = 0; i < setting->views[view].match_count; i++) {
            const struct desired_match *match = &setting->matches[view][i];
            bool named = match->listener >= 0;
            if ((named && setting->listeners[match->listener].slot != slot) ||
                !prefix_has(&match->prefix, client)) {
                continue;
            }
            int rank = named * 1000 + match->prefix.bits;
            if (rank > best_rank) {
                best_rank = rank;
                best = view;
            }
        }
    }
    for (unsigned view = 0; best_rank < 0 && best == VIEW_NONE && view < VIEWS; view++) {
        best = setting->views[view].is_default ? view : VIEW_NONE;
    }
    return best;
}

/* Addresses in a small part of the space, so that prefixes nest and touch. */
static struct address random_address(struct random *random)
{
    uint8_t bytes[16] = {0};
    uint64_t kind = random_below(random, 4);
    if (kind < 2) {
        bytes[0] = kind ? 10 : (uint8_t)random_next(random);
        bytes[1] = (uint8_t)(random_below(random, 4) * 85);
        bytes[2] = (uint8_t)(random_below(random, 3) * 127);
        bytes[3] = (uint8_t)(random_below(random, 3) * 127);
        return address_from_v4(bytes);
    }
    bytes[0] = kind == 2 ? 0x20 : 0;
    bytes[8] = (uint8_t)(random_below(random, 2) * 255);
    bytes[11] = (uint8_t)(random_below(random, 2) * 255);
    bytes[15] = (uint8_t)random_below(random, 4);
    return address_from_v6(bytes);
}

static struct prefix random_prefix(struct random *random)
{
    struct prefix prefix = {.base = random_address(random)};
    bool v4 = address_is_v4(&prefix.base);
    prefix.bits = (uint8_t)(v4 ? 96 + random_below(random, 33) : random_below(random, 129));
    for (unsigned i = prefix.bits; i < 128; i++) {
        prefix.base.bytes[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
    }
    return prefix;
}

static void setting_random(struct setting *setting, struct random *random)
{
    setting_init(setting);
    for (unsigned view = 0; view < VIEWS; view++) {
        struct desired_view *to = &setting->views[view];
        to->match_count = (uint32_t)random_below(random, random_below(random, 2) ? 4 : MATCHES);
        for (unsigned i = 0; i < to->match_count; i++) {
            to->matches[i].prefix = random_prefix(random);
            to->matches[i].listener = (int)random_below(random, LISTENERS + 2) - 2;
            if (to->matches[i].listener < 0) {
                to->matches[i].listener = -1;
            }
        }
        to->subnet_from_count = (uint32_t)random_below(random, SUBNETS);
        for (unsigned i = 0; i < to->subnet_from_count; i++) {
            to->subnet_from[i] = random_prefix(random);
        }
    }
    setting->views[random_below(random, VIEWS)].is_default = random_below(random, 2);
}

static bool plain_listed(const struct setting *setting, const struct address *resolver)
{
    for (unsigned view = 0; view < VIEWS; view++) {
        for (unsigned i = 0; i < setting->views[view].subnet_from_count; i++) {
            if (prefix_has(&setting->subnets[view][i], resolver)) {
                return true;
            }
        }
    }
    return false;
}

/* At an edge of some prefix, where mistakes of one would show. */
static struct address edge_address(const struct setting *setting, struct random *random)
{
    const struct desired_view *view = &setting->views[random_below(random, VIEWS)];
    if (view->match_count == 0 || random_below(random, 4) == 0) {
        return random_address(random);
    }
    struct prefix prefix = view->matches[random_below(random, view->match_count)].prefix;
    struct address address = prefix.base;
    uint64_t where = random_below(random, 4);
    unsigned __int128 number = 0;
    for (int i = 0; i < 16; i++) {
        number = number << 8 | address.bytes[i];
    }
    if (where >= 2 && prefix.bits > 0) {
        number += (unsigned __int128)1 << (128 - prefix.bits);
    }
    number -= where & 1;
    for (int i = 15; i >= 0; i--, number >>= 8) {
        address.bytes[i] = (uint8_t)number;
    }
    return address;
}

static void test_random_rules_against_plain_reading(void **state)
{
    (void)state;
    static struct setting setting;
    struct random random;
    random_seed(&random, 11);
    static const unsigned slots[] = {0, 1, 9, 5};
    for (int round = 0; round < 2000; round++) {
        setting_random(&setting, &random);
        struct view_match *match = match_of(&setting);
        for (int i = 0; i < 200; i++) {
            struct address address = edge_address(&setting, &random);
            unsigned slot = slots[random_below(&random, 4)];
            unsigned want = plain_find(&setting, slot, &address);
            unsigned got = view_match_find(match, slot, &address);
            if (got != want) {
                char text[ADDRESS_TEXT_BYTES];
                fail_msg("round %d: %s on slot %u: view %u, not %u", round,
                         address_to_text(&address, text), slot, got, want);
            }
            assert_int_equal(view_match_subnet_listed(match, &address),
                             plain_listed(&setting, &address));
        }
        view_match_free(match);
    }
}

static unsigned scope(const struct view_match *match, const char *text, uint64_t same)
{
    struct address address;
    assert_int_equal(address_from_text(text, &address), ERR_OK);
    return view_match_scope(match, 0, &address, same);
}

static void test_scope(void **state)
{
    (void)state;
    struct setting setting;
    setting_init(&setting);
    match_add(&setting, 0, "10.0.0.0/8", -1);
    match_add(&setting, 1, "10.1.2.0/24", -1);
    match_add(&setting, 0, "2001:db8::/32", -1);
    setting.views[2].is_default = true;
    struct view_match *match = match_of(&setting);
    assert_int_equal(scope(match, "10.200.0.1", 1), 96 + 9);
    assert_int_equal(scope(match, "10.1.2.9", 2), 96 + 24);
    assert_int_equal(scope(match, "10.1.3.9", 1), 96 + 24);
    assert_int_equal(scope(match, "10.1.4.9", 1), 96 + 22);
    assert_int_equal(scope(match, "10.1.2.9", 3), 96 + 8); /* views 0 and 1 answer alike */
    assert_int_equal(scope(match, "10.1.2.9", 7), 96);
    assert_int_equal(scope(match, "192.0.2.1", 4), 96 + 1);
    assert_int_equal(scope(match, "2001:db8::1", 1), 32);
    assert_int_equal(scope(match, "2001:db9::1", 4), 32);
    assert_int_equal(scope(match, "3001::1", 4), 4);
    assert_int_equal(scope(match, "3001::1", 7), 0);
    view_match_free(match);
}

/* First address of the prefix of `bits` bits around `address`. */
static struct address prefix_first(const struct address *address, unsigned bits)
{
    struct address first = *address;
    for (unsigned i = bits; i < 128; i++) {
        first.bytes[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
    }
    return first;
}

/* Addresses at which the view can change: the first of each prefix, and the first behind it. */
static size_t edges_collect(const struct setting *setting, struct address *edges)
{
    size_t count = 0;
    for (unsigned view = 0; view < VIEWS; view++) {
        for (unsigned i = 0; i < setting->views[view].match_count; i++) {
            const struct prefix *prefix = &setting->matches[view][i].prefix;
            struct address after = prefix->base;
            for (int bit = prefix->bits - 1; bit >= 0; bit--) {
                after.bytes[bit / 8] ^= (uint8_t)(0x80 >> (bit % 8));
                if (after.bytes[bit / 8] & (0x80 >> (bit % 8))) {
                    break;
                }
            }
            edges[count++] = prefix->base;
            edges[count++] = after;
        }
    }
    return count;
}

static bool is_alike(const struct setting *setting, const struct address *address, uint64_t same)
{
    unsigned view = plain_find(setting, 0, address);
    return view != VIEW_NONE && (same >> view & 1);
}

/* The shortest prefix in which neither the first address nor any edge is answered differently. */
static unsigned plain_scope(const struct setting *setting, const struct address *address,
                            uint64_t same)
{
    static struct address edges[2 * VIEWS * MATCHES];
    size_t count = edges_collect(setting, edges);
    bool v4 = address_is_v4(address);
    for (unsigned bits = v4 ? 96 : 0; bits < 128; bits++) {
        struct prefix prefix = {.base = prefix_first(address, bits), .bits = (uint8_t)bits};
        bool alike = is_alike(setting, &prefix.base, same);
        for (size_t i = 0; i < count && alike; i++) {
            alike = address_is_v4(&edges[i]) != v4 || !prefix_has(&prefix, &edges[i]) ||
                    is_alike(setting, &edges[i], same);
        }
        if (alike) {
            return bits;
        }
    }
    return 128;
}

static void test_random_scopes_against_plain_reading(void **state)
{
    (void)state;
    static struct setting setting;
    struct random random;
    random_seed(&random, 12);
    for (int round = 0; round < 300; round++) {
        setting_random(&setting, &random);
        struct view_match *match = match_of(&setting);
        for (int i = 0; i < 10; i++) {
            struct address address = edge_address(&setting, &random);
            unsigned view = view_match_find(match, 0, &address);
            uint64_t same = random_next(&random) & 15;
            if (view != VIEW_NONE) {
                same |= UINT64_C(1) << view;
                assert_int_equal(view_match_scope(match, 0, &address, same),
                                 plain_scope(&setting, &address, same));
            }
        }
        view_match_free(match);
    }
}

static void test_failing_allocations(void **state)
{
    (void)state;
    static struct setting setting;
    struct random random;
    random_seed(&random, 13);
    setting_random(&setting, &random);
    for (size_t n = 1;; n++) {
        struct failing failing;
        struct view_match *match = NULL;
        failing_init(&failing, n);
        int err = view_match_new(&failing.alloc, &setting.desired, &match);
        assert_int_equal(err, failing.failed ? ERR_NOMEM : ERR_OK);
        view_match_free(match);
        assert_int_equal(failing.alive, 0);
        if (!failing.failed) {
            assert_true(n > 8);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_prefix_wins),
        cmocka_unit_test(test_listener_beats_prefix),
        cmocka_unit_test(test_ipv6_rules_are_not_for_ipv4),
        cmocka_unit_test(test_empty_and_default),
        cmocka_unit_test(test_random_rules_against_plain_reading),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_random_scopes_against_plain_reading),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
