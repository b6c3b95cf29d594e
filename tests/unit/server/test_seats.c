/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who gets a connection and who loses one, under a virtual clock and without sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/seats.h"

#include "base/error.h"

#include <string.h>

enum {
    CUTS = 64,
    ATTACKERS = 600
};

static int cut_fd[CUTS];
static unsigned cut_count;

static void cut_record(int fd)
{
    assert_true(cut_count < CUTS);
    cut_fd[cut_count++] = fd;
}

/* What the kernel says of a descriptor. */
static enum seat_heard heard[ATTACKERS];
static unsigned hear_count;

static enum seat_heard hear_as_told(int fd)
{
    hear_count++;
    return fd < ATTACKERS ? heard[fd] : SEAT_SILENT;
}

static struct mono at_ms(int64_t ms)
{
    return (struct mono){ms * 1000000};
}

static struct address client(const char *text)
{
    struct address address;
    assert_int_equal(address_from_text(text, &address), ERR_OK);
    return address;
}

/* 127.1.a.b */
static struct address attacker(unsigned number)
{
    return address_from_v4((uint8_t[]){127, 1, (uint8_t)(number >> 8), (uint8_t)number});
}

static struct seats *seats_make(uint32_t connections, uint32_t per_client, uint32_t reserve)
{
    struct seats *seats;
    struct seats_limits limits = {connections, per_client, reserve};
    static const struct seats_calls calls = {cut_record, hear_as_told};
    cut_count = 0;
    hear_count = 0;
    memset(heard, 0, sizeof heard); /* SEAT_SILENT */
    assert_int_equal(seats_new(&ALLOC_MALLOC, &limits, 7, &calls, &seats), ERR_OK);
    return seats;
}

static void a_client_has_its_limit(void **state)
{
    (void)state;
    struct seats *seats = seats_make(10, 3, 0);
    struct address one = client("192.0.2.1"), other = client("192.0.2.2");
    struct seat *taken[3];
    for (int i = 0; i < 3; i++) {
        taken[i] = seats_take(seats, &one, i, at_ms(0));
        assert_non_null(taken[i]);
    }
    assert_null(seats_take(seats, &one, 3, at_ms(0)));
    struct seat *its = seats_take(seats, &other, 4, at_ms(0));
    assert_non_null(its);
    seats_leave(seats, taken[1]);
    taken[1] = seats_take(seats, &one, 5, at_ms(0));
    assert_non_null(taken[1]);
    assert_int_equal(seats_taken(seats), 4);
    for (int i = 0; i < 3; i++) {
        seats_leave(seats, taken[i]);
    }
    seats_leave(seats, its);
    assert_int_equal(seats_taken(seats), 0);
    assert_int_equal(cut_count, 0);
    seats_free(seats);
}

static void an_ipv6_client_is_a_64(void **state)
{
    (void)state;
    struct seats *seats = seats_make(10, 1, 0);
    struct address one = client("2001:db8:0:1::1"), same = client("2001:db8:0:1:ffff::9");
    struct address other = client("2001:db8:0:2::1");
    struct seat *seat = seats_take(seats, &one, 1, at_ms(0));
    assert_non_null(seat);
    assert_null(seats_take(seats, &same, 2, at_ms(0)));
    struct seat *its = seats_take(seats, &other, 3, at_ms(0));
    assert_non_null(its);
    seats_leave(seats, seat);
    seats_leave(seats, its);
    seats_free(seats);
}

static void an_ipv4_client_is_one_address(void **state)
{
    (void)state;
    struct seats *seats = seats_make(10, 1, 0);
    struct address one = client("192.0.2.1"), other = client("192.0.2.129");
    struct seat *seat = seats_take(seats, &one, 1, at_ms(0));
    struct seat *its = seats_take(seats, &other, 2, at_ms(0));
    assert_non_null(seat);
    assert_non_null(its);
    seats_leave(seats, seat);
    seats_leave(seats, its);
    seats_free(seats);
}

static void the_reserve_is_for_newcomers(void **state)
{
    (void)state;
    struct seats *seats = seats_make(10, 10, 4);
    struct address greedy = client("192.0.2.1");
    struct seat *taken[10];
    unsigned count = 0;
    while (count < 10 && (taken[count] = seats_take(seats, &greedy, 1, at_ms(0)))) {
        count++;
    }
    assert_int_equal(count, 6);
    for (; count < 10; count++) {
        struct address newcomer = attacker(count);
        taken[count] = seats_take(seats, &newcomer, 2, at_ms(0));
        assert_non_null(taken[count]);
        assert_null(seats_take(seats, &newcomer, 2, at_ms(0)));
    }
    assert_int_equal(cut_count, 0);
    for (unsigned i = 0; i < 10; i++) {
        seats_leave(seats, taken[i]);
    }
    seats_free(seats);
}

static void a_newcomer_takes_from_who_has_most(void **state)
{
    (void)state;
    struct seats *seats = seats_make(5, 3, 0);
    struct address greedy = client("192.0.2.1"), modest = client("192.0.2.2");
    struct seat *taken[5];
    taken[0] = seats_take(seats, &modest, 10, at_ms(0));
    for (int i = 1; i < 4; i++) {
        taken[i] = seats_take(seats, &greedy, 10 + i, at_ms(i));
    }
    taken[4] = seats_take(seats, &modest, 14, at_ms(4));
    seat_touch(taken[1], at_ms(50)); /* the first of the greedy ones works */

    struct address newcomer = client("192.0.2.3");
    struct seat *its = seats_take(seats, &newcomer, 20, at_ms(100));
    assert_non_null(its);
    assert_int_equal(cut_count, 1);
    assert_int_equal(cut_fd[0], 12); /* unproven, the longest so */
    assert_true(seat_is_lost(taken[2]));
    assert_false(seat_is_lost(taken[1]));
    assert_int_equal(seats_taken(seats), 5);

    seats_leave(seats, taken[2]);
    assert_int_equal(seats_taken(seats), 5);
    seats_leave(seats, its);
    for (int i = 0; i < 5; i++) {
        if (i != 2) {
            seats_leave(seats, taken[i]);
        }
    }
    assert_int_equal(seats_taken(seats), 0);
    seats_free(seats);
}

static void proven_connections_go_last_and_the_quietest_first(void **state)
{
    (void)state;
    struct seats *seats = seats_make(3, 3, 0);
    struct seat *taken[3];
    for (unsigned i = 0; i < 3; i++) {
        struct address each = attacker(i);
        taken[i] = seats_take(seats, &each, (int)i, at_ms(0));
    }
    seat_touch(taken[0], at_ms(10));
    seat_touch(taken[1], at_ms(20));
    seat_touch(taken[2], at_ms(5));
    seat_touch(taken[2], at_ms(30));
    struct address newcomer = client("192.0.2.3");
    struct seat *its = seats_take(seats, &newcomer, 9, at_ms(40));
    assert_non_null(its);
    assert_int_equal(cut_fd[0], 0);
    struct address another = client("192.0.2.4");
    struct seat *second = seats_take(seats, &another, 10, at_ms(41));
    assert_non_null(second);
    assert_int_equal(cut_fd[1], 9); /* the newcomer has not proven itself */
    seats_leave(seats, its);
    seats_leave(seats, second);
    for (int i = 0; i < 3; i++) {
        seats_leave(seats, taken[i]);
    }
    seats_free(seats);
}

static void a_good_client_gets_in_whatever_attacks(void **state)
{
    (void)state;
    struct seats *seats = seats_make(300, 20, 100);
    struct seat *slow[ATTACKERS] = {0};
    struct address good = client("198.51.100.1");
    unsigned held = 0;
    cut_count = 0;
    for (unsigned i = 0; i < ATTACKERS; i++) {
        struct address each = attacker(i);
        struct seat *seat = seats_take(seats, &each, (int)i, at_ms(i));
        assert_non_null(seat);
        slow[held++] = seat;
        /* The worker leaves what was cut. */
        for (unsigned j = 0; j < held; j++) {
            if (seat_is_lost(slow[j])) {
                seats_leave(seats, slow[j]);
                slow[j] = slow[--held];
                break;
            }
        }
        cut_count = 0;
    }
    assert_int_equal(held, 300);
    struct seat *seat = seats_take(seats, &good, 9999, at_ms(ATTACKERS));
    assert_non_null(seat);
    seat_touch(seat, at_ms(ATTACKERS + 1));
    /* It keeps its place while more attackers come. */
    for (unsigned i = 0; i < 50; i++) {
        struct address each = attacker(ATTACKERS + i);
        struct seat *more = seats_take(seats, &each, 1, at_ms(ATTACKERS + 2 + i));
        assert_non_null(more);
        assert_false(seat_is_lost(seat));
        seats_leave(seats, more);
    }
    for (unsigned j = 0; j < held; j++) {
        seats_leave(seats, slow[j]);
    }
    seats_leave(seats, seat);
    assert_int_equal(seats_taken(seats), 0);
    seats_free(seats);
}

/* The worker of `taken[0]` does not get the processor: its query waits in the kernel. */
static void who_has_asked_is_heard_before_it_goes(void **state)
{
    (void)state;
    struct seats *seats = seats_make(3, 1, 0);
    struct seat *taken[5];
    for (unsigned i = 0; i < 3; i++) {
        struct address each = attacker(i);
        taken[i] = seats_take(seats, &each, (int)i, at_ms(i));
    }
    heard[0] = SEAT_ASKS;
    for (unsigned i = 3; i < 5; i++) { /* the silent ones go, the oldest first */
        struct address each = attacker(i);
        taken[i] = seats_take(seats, &each, (int)i, at_ms(10 + i));
        assert_non_null(taken[i]);
        assert_int_equal(cut_fd[i - 3], i - 2);
    }
    assert_false(seat_is_lost(taken[0]));
    for (int i = 0; i < 5; i++) {
        seats_leave(seats, taken[i]);
    }
    seats_free(seats);
}

/* Everybody has bytes waiting: a bounded number of looks, and somebody goes all the same. */
static void hearing_is_bounded(void **state)
{
    (void)state;
    struct seats *seats = seats_make(50, 1, 0);
    struct seat *taken[51];
    for (unsigned i = 0; i < 51; i++) {
        struct address each = attacker(i);
        heard[i] = SEAT_ASKS;
        taken[i] = seats_take(seats, &each, (int)i, at_ms(i));
        assert_non_null(taken[i]);
    }
    assert_int_equal(cut_count, 1);
    assert_in_range(hear_count, 1, 4);
    for (int i = 0; i < 51; i++) {
        seats_leave(seats, taken[i]);
    }
    seats_free(seats);
}

/* Connect, ask, close, connect again: the worker has not seen the close when the next one comes. */
static void what_a_client_closed_does_not_count(void **state)
{
    (void)state;
    struct seats *seats = seats_make(4, 2, 1);
    struct address one = client("192.0.2.1");
    struct seat *first = seats_take(seats, &one, 0, at_ms(0));
    struct seat *second = seats_take(seats, &one, 1, at_ms(1));
    seat_touch(first, at_ms(2));
    seat_touch(second, at_ms(2));
    assert_null(seats_take(seats, &one, 2, at_ms(3)));
    assert_int_equal(cut_count, 0);
    heard[0] = SEAT_GONE;
    struct seat *third = seats_take(seats, &one, 2, at_ms(4));
    assert_non_null(third);
    assert_int_equal(cut_count, 1);
    assert_int_equal(cut_fd[0], 0);
    assert_int_equal(seats_taken(seats), 2);
    heard[1] = heard[2] = SEAT_GONE; /* all of them: the client is forgotten, and known again */
    struct seat *fourth = seats_take(seats, &one, 3, at_ms(5));
    assert_non_null(fourth);
    assert_int_equal(seats_taken(seats), 1);
    seats_leave(seats, first);
    seats_leave(seats, second);
    seats_leave(seats, third);
    assert_int_equal(seats_taken(seats), 1);
    seats_leave(seats, fourth);
    assert_int_equal(seats_taken(seats), 0);
    seats_free(seats);
}

/* Lost seats that no worker left yet are bounded, too. */
static void seats_run_out_when_nobody_leaves(void **state)
{
    (void)state;
    struct seats *seats = seats_make(4, 1, 0);
    struct seat *taken[128];
    unsigned count = 0;
    for (unsigned i = 0; i < 128; i++) {
        struct address each = attacker(i);
        struct seat *seat = seats_take(seats, &each, 1, at_ms(i));
        if (!seat) {
            break;
        }
        taken[count++] = seat;
        cut_count = 0;
    }
    assert_in_range(count, 5, 127);
    assert_int_equal(seats_taken(seats), 4);
    for (unsigned i = 0; i < count; i++) {
        seats_leave(seats, taken[i]);
    }
    struct address each = attacker(1);
    struct seat *seat = seats_take(seats, &each, 1, at_ms(1000));
    assert_non_null(seat);
    seats_leave(seats, seat);
    seats_free(seats);
}

/* A hash table that loses track would miscount: many comings and goings against a plain model. */
static void counts_stay_right_over_many_changes(void **state)
{
    (void)state;
    enum {
        CLIENTS = 40,
        HELD = 200
    };
    struct seats *seats = seats_make(HELD, 8, 0);
    struct seat *held[HELD] = {0};
    unsigned owner[HELD], count[CLIENTS] = {0};
    uint64_t random = 1;
    for (int step = 0; step < 20000; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        unsigned place = (unsigned)(random >> 33) % HELD;
        if (held[place]) {
            seats_leave(seats, held[place]);
            held[place] = NULL;
            count[owner[place]]--;
            continue;
        }
        unsigned who = (unsigned)(random >> 50) % CLIENTS;
        struct address address = attacker(who);
        held[place] = seats_take(seats, &address, 1, at_ms(step));
        assert_int_equal(held[place] != NULL, count[who] < 8);
        if (held[place]) {
            owner[place] = who;
            count[who]++;
        }
    }
    for (unsigned i = 0; i < HELD; i++) {
        if (held[i]) {
            seats_leave(seats, held[i]);
        }
    }
    assert_int_equal(seats_taken(seats), 0);
    assert_int_equal(cut_count, 0);
    seats_free(seats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_has_its_limit),
        cmocka_unit_test(an_ipv6_client_is_a_64),
        cmocka_unit_test(an_ipv4_client_is_one_address),
        cmocka_unit_test(the_reserve_is_for_newcomers),
        cmocka_unit_test(a_newcomer_takes_from_who_has_most),
        cmocka_unit_test(proven_connections_go_last_and_the_quietest_first),
        cmocka_unit_test(a_good_client_gets_in_whatever_attacks),
        cmocka_unit_test(who_has_asked_is_heard_before_it_goes),
        cmocka_unit_test(hearing_is_bounded),
        cmocka_unit_test(what_a_client_closed_does_not_count),
        cmocka_unit_test(seats_run_out_when_nobody_leaves),
        cmocka_unit_test(counts_stay_right_over_many_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
