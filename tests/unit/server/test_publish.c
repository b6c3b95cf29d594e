/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The publish point: order, failure, and readers against a writer that takes old snapshots apart.
 * Its alarms are ThreadSanitizer and AddressSanitizer; without them a poisoned snapshot is seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/publish.h"

#include "base/error.h"
#include "unit/failing.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    READERS = 4,
    SWAPS = 2000,
    BATCHES_AT_LEAST = 50,
    POISON = 0xdd
};

static struct snapshot *snapshot_make(uint64_t generation)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    assert_non_null(snapshot);
    snapshot->generation = generation;
    snapshot->revision = generation * 3;
    return snapshot;
}

/* Memory that a reader must not be looking at any more. */
static void snapshot_break(const struct snapshot *snapshot)
{
    struct snapshot *mine = (struct snapshot *)(uintptr_t)snapshot;
    mine->generation = POISON;
    mine->revision = 0;
    free(mine);
}

static void old_ones_come_back_in_order(void **state)
{
    (void)state;
    struct publish *publish;
    assert_int_equal(publish_new(&ALLOC_MALLOC, NULL, NULL, &publish), ERR_OK);
    assert_null(publish_current(publish));
    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(publish_swap(publish, snapshot_make(i)), ERR_OK);
        assert_int_equal(publish_current(publish)->generation, i);
        assert_int_equal(publish_load(publish)->generation, i);
    }
    assert_int_equal(publish_swap(publish, NULL), ERR_OK);
    publish_wait(publish);
    for (uint64_t i = 1; i <= 5; i++) {
        const struct snapshot *old = publish_done(publish);
        assert_non_null(old);
        assert_int_equal(old->generation, i);
        snapshot_break(old);
    }
    assert_null(publish_done(publish));
    publish_free(publish);
}

static void without_memory_the_old_one_stays(void **state)
{
    (void)state;
    struct failing failing;
    struct publish *publish = NULL;
    failing_init(&failing, 1);
    assert_int_equal(publish_new(&failing.alloc, NULL, NULL, &publish), ERR_NOMEM);
    assert_null(publish);
    failing.left = 1;
    assert_int_equal(publish_new(&failing.alloc, NULL, NULL, &publish), ERR_OK);
    struct snapshot *first = snapshot_make(1), *second = snapshot_make(2);
    assert_int_equal(publish_swap(publish, first), ERR_OK);
    assert_int_equal(publish_swap(publish, second), ERR_NOMEM);
    assert_ptr_equal(publish_current(publish), first);
    failing.left = 1;
    assert_int_equal(publish_swap(publish, second), ERR_OK);
    publish_wait(publish);
    assert_ptr_equal(publish_done(publish), first);
    publish_free(publish);
    assert_int_equal(failing.alive, 0);
    snapshot_break(first);
    snapshot_break(second);
}

static void what_was_reserved_needs_no_memory_later(void **state)
{
    (void)state;
    struct failing failing;
    struct publish *publish = NULL;
    struct snapshot *first = snapshot_make(1), *second = snapshot_make(2);
    failing_init(&failing, SIZE_MAX);
    assert_int_equal(publish_new(&failing.alloc, NULL, NULL, &publish), ERR_OK);
    assert_int_equal(publish_swap(publish, first), ERR_OK);
    assert_int_equal(publish_reserve(publish), ERR_OK);
    failing.left = 0;
    assert_int_equal(publish_reserve(publish), ERR_OK);
    assert_int_equal(publish_swap(publish, second), ERR_OK);
    assert_ptr_equal(publish_current(publish), second);
    assert_int_equal(publish_reserve(publish), ERR_NOMEM);
    publish_wait(publish);
    assert_ptr_equal(publish_done(publish), first);
    failing.left = 1;
    assert_int_equal(publish_reserve(publish), ERR_OK);
    publish_free(publish);
    assert_int_equal(failing.alive, 0);
    snapshot_break(first);
    snapshot_break(second);
}

struct reading {
    struct publish *publish;
    atomic_bool stop, holding, let_go;
    atomic_uint wakes;
    atomic_uint started;
};

static void *reader_holds(void *arg)
{
    struct reading *reading = arg;
    publish_thread_register();
    const struct snapshot *snapshot = publish_load(reading->publish);
    atomic_store(&reading->holding, true);
    while (!atomic_load(&reading->let_go)) {
        sched_yield();
    }
    uint64_t seen = snapshot->generation;
    publish_offline();
    while (!atomic_load(&reading->stop)) {
        sched_yield();
    }
    publish_thread_unregister();
    return (void *)(uintptr_t)seen;
}

static void count_wake(void *ctx)
{
    struct reading *reading = ctx;
    atomic_fetch_add(&reading->wakes, 1);
}

static void a_held_snapshot_does_not_come_back(void **state)
{
    (void)state;
    struct reading reading = {0};
    pthread_t thread;
    assert_int_equal(publish_new(&ALLOC_MALLOC, count_wake, &reading, &reading.publish), ERR_OK);
    assert_int_equal(publish_swap(reading.publish, snapshot_make(1)), ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, reader_holds, &reading), 0);
    while (!atomic_load(&reading.holding)) {
        sched_yield();
    }
    assert_int_equal(publish_swap(reading.publish, snapshot_make(2)), ERR_OK); /* does not block */
    struct timespec nap = {0, 50000000};
    nanosleep(&nap, NULL);
    assert_null(publish_done(reading.publish));
    assert_int_equal(atomic_load(&reading.wakes), 0);

    atomic_store(&reading.let_go, true);
    publish_wait(reading.publish);
    const struct snapshot *old = publish_done(reading.publish);
    assert_non_null(old);
    assert_int_equal(old->generation, 1);
    snapshot_break(old);
    while (atomic_load(&reading.wakes) == 0) {
        sched_yield();
    }
    atomic_store(&reading.stop, true);
    void *seen;
    pthread_join(thread, &seen);
    assert_int_equal((uintptr_t)seen, 1);
    const struct snapshot *current = publish_current(reading.publish);
    publish_free(reading.publish);
    snapshot_break(current);
}

/* As a worker does: batches with one snapshot, now and then blocked in between. Returns the number
 * of batches, or 0 if one was not whole. */
static void *reader_works(void *arg)
{
    struct reading *reading = arg;
    uintptr_t batches = 0;
    uint64_t last = 0;
    bool right = true;
    publish_thread_register();
    atomic_fetch_add(&reading->started, 1);
    while (!atomic_load_explicit(&reading->stop, memory_order_relaxed) ||
           batches < BATCHES_AT_LEAST) {
        const struct snapshot *snapshot = publish_load(reading->publish);
        for (int query = 0; query < 16; query++) {
            right = right && snapshot->revision == snapshot->generation * 3;
        }
        right = right && snapshot->generation >= last;
        last = snapshot->generation;
        if (++batches % 8 == 0) {
            publish_offline();
            sched_yield();
            publish_online();
        } else {
            publish_quiescent();
        }
    }
    publish_thread_unregister();
    return (void *)(right ? batches : 0);
}

static void readers_never_see_what_was_taken_apart(void **state)
{
    (void)state;
    struct reading reading = {0};
    pthread_t thread[READERS];
    assert_int_equal(publish_new(&ALLOC_MALLOC, count_wake, &reading, &reading.publish), ERR_OK);
    assert_int_equal(publish_swap(reading.publish, snapshot_make(1)), ERR_OK);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, reader_works, &reading), 0);
    }
    while (atomic_load(&reading.started) < READERS) {
        sched_yield();
    }
    uint64_t back = 0;
    const struct snapshot *old;
    for (uint64_t i = 2; i < SWAPS + 2; i++) {
        assert_int_equal(publish_swap(reading.publish, snapshot_make(i)), ERR_OK);
        while ((old = publish_done(reading.publish))) {
            assert_int_equal(old->generation, ++back);
            snapshot_break(old);
        }
    }
    publish_wait(reading.publish);
    while ((old = publish_done(reading.publish))) {
        assert_int_equal(old->generation, ++back);
        snapshot_break(old);
    }
    assert_int_equal(back, SWAPS);
    atomic_store(&reading.stop, true);
    for (int i = 0; i < READERS; i++) {
        void *batches;
        pthread_join(thread[i], &batches);
        assert_true((uintptr_t)batches >= BATCHES_AT_LEAST);
    }
    const struct snapshot *current = publish_current(reading.publish);
    publish_free(reading.publish);
    snapshot_break(current);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_ones_come_back_in_order),
        cmocka_unit_test(without_memory_the_old_one_stays),
        cmocka_unit_test(what_was_reserved_needs_no_memory_later),
        cmocka_unit_test(a_held_snapshot_does_not_come_back),
        cmocka_unit_test(readers_never_see_what_was_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
