/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The account of what is told against exact bookkeeping: random histories in virtual time, with
 * several workers that change to a new snapshot late, sites that fail and come back, TTLs that
 * change, and caches that remember to the nanosecond what they were told. What a cache still holds
 * is never over earlier than the account says; and where everybody is told the same, the account is
 * no later than the way of a reply and the end of a second.
 *
 * links: config
 */
#include "unit/control/service_scene.h"

#include "answer/answer.h"
#include "base/error.h"
#include "base/random.h"
#include "control/reach.h"
#include "dns/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

enum {
    WORDS = STAGE_SLAB_BYTES / TOLD_BYTES + 1,
    TRANSIT_S = 1,
    INSTANCES = 4, /* 192.0.2.1 and .2 in dc1, .3 and .4 in dc2 */
};

/* What caches hold, exactly: until when each instance's address can be used. */
struct truth {
    int64_t address[INSTANCES]; /* A: sent and its TTL */
    int64_t target[INSTANCES];  /* SRV: until when a client may ask for the target */
    int64_t led[INSTANCES];     /* whoever asked for it at that last moment, until when */
    bool asked_srv;
};

struct history {
    struct scene scene;
    struct ledger ledger;
    struct truth truth;
    struct random random;
    struct service service;
    unsigned exact; /* how often the account had to be exact */
};

static const char *SITES[] = {"dc1", "dc2"};

static void history_init(struct history *history, uint64_t seed)
{
    memset(&history->truth, 0, sizeof(history->truth));
    history->exact = 0;
    random_seed(&history->random, seed);
    scene_init(&history->scene);
    memset(&history->ledger, 0, sizeof(history->ledger));
    history->ledger.until = calloc(WORDS, sizeof(*history->ledger.until));
    assert_non_null(history->ledger.until);
    kept_init(&history->ledger.kept, &ALLOC_MALLOC, 1000);
    control_ledger_set(history->scene.stage.control, &history->ledger);
    history->scene.ms = (int64_t)random_below(&history->random, 5000);
    service_default(&history->service);
    history->service.sites = SITES;
    history->service.site_count = 2;
    history->service.failback_ms = 0;
    history->service.flap_half_life_ms = 0;
    history->service.ttl_s = 1 + (uint32_t)random_below(&history->random, 5);
    scene_policy(&history->scene, &history->service, "web.example.com");
    for (unsigned i = 1; i <= INSTANCES; i++) {
        scene_put_site(&history->scene, i, i <= 2 ? "dc1" : "dc2");
    }
}

static void history_deinit(struct history *history)
{
    scene_deinit(&history->scene);
    kept_free(&history->ledger.kept);
    free(history->ledger.until);
}

static int64_t now_ns(const struct history *history)
{
    return scene_now(&history->scene).ns;
}

static void ledger_now(struct history *history)
{
    history->ledger.now_s = ledger_second(&history->ledger, scene_now(&history->scene));
}

/* --- one question --------------------------------------------------------------------------------
 */

static size_t query_make(const char *name, uint16_t type, uint8_t *out)
{
    memset(out, 0, HEADER_BYTES);
    out[5] = 1;
    assert_int_equal(name_from_text(name, NULL, out + HEADER_BYTES), ERR_OK);
    size_t len = HEADER_BYTES + name_len(out + HEADER_BYTES);
    out[len++] = (uint8_t)(type >> 8);
    out[len++] = (uint8_t)type;
    out[len++] = 0;
    out[len++] = 1;
    return len;
}

static size_t name_skip(const uint8_t *wire, size_t at)
{
    while (wire[at] != 0 && wire[at] < 0xc0) {
        at += wire[at] + 1u;
    }
    return at + (wire[at] ? 2 : 1);
}

static void hold(int64_t *held, int64_t until_ns)
{
    *held = until_ns > *held ? until_ns : *held;
}

/* The records of a reply, as a cache keeps them from now on: those of an instance's own name apart.
 */
static void cache_reply(struct history *history, const uint8_t *reply, bool own)
{
    size_t at = name_skip(reply, HEADER_BYTES) + 4;
    for (unsigned left = reply[7]; left > 0; left--) {
        at = name_skip(reply, at);
        uint16_t type = wire_read16(reply + at);
        int64_t until = now_ns(history) + wire_read32(reply + at + 4) * SECOND;
        unsigned len = wire_read16(reply + at + 8);
        const uint8_t *rdata = reply + at + 10;
        if (type == TYPE_A) {
            hold(own ? &history->truth.led[rdata[3] - 1] : &history->truth.address[rdata[3] - 1],
                 until);
        } else if (type == TYPE_SRV) { /* "i1.web.example.com": the digit says whose it is */
            hold(&history->truth.target[rdata[8] - '1'], until);
            history->truth.asked_srv = true;
        }
        at += 10u + len;
    }
}

/* Asks a worker that has one of the snapshots that are not retired. */
static void ask(struct history *history, const char *name, uint16_t type, bool own)
{
    static struct told_list told;
    struct stage *stage = &history->scene.stage;
    uint8_t query[300], reply[4096];
    struct outcome outcome;
    struct client client = {.transport = TRANSPORT_UDP};
    unsigned age = (unsigned)random_below(&history->random, stage->reader_count);
    assert_int_equal(address_from_text(IN, &client.address), ERR_OK);
    size_t len = query_make(name, type, query);
    len = answer(stage->readers[stage->reader_count - 1 - age].snapshot, &client, query, len,
                 random_next(&history->random), reply, sizeof(reply), &outcome, &told, NULL);
    assert_true(len > 0);
    ledger_note(&history->ledger, &told,
                ledger_second(&history->ledger, scene_now(&history->scene)));
    cache_reply(history, reply, own);
}

/* For the service, or, who has its SRV, for a target. */
static void somebody_asks(struct history *history)
{
    unsigned instance = (unsigned)random_below(&history->random, INSTANCES);
    char name[64];
    if (history->truth.target[instance] > now_ns(history)) {
        snprintf(name, sizeof(name), "i%u.web.example.com", instance + 1);
        ask(history, name, TYPE_A, true);
    } else {
        bool srv = random_below(&history->random, 8) == 0;
        ask(history, "web.example.com", srv ? TYPE_SRV : TYPE_A, false);
    }
}

/* --- what happens --------------------------------------------------------------------------------
 */

static void instance_says(struct history *history, unsigned number)
{
    char text[32];
    snprintf(text, sizeof(text), "192.0.2.%u", number);
    ledger_now(history);
    scene_says(&history->scene, text,
               random_below(&history->random, 2) ? OUTCOME_PASS : OUTCOME_FAIL);
}

static void step(struct history *history)
{
    switch (random_below(&history->random, 12)) {
    case 0:
        for (unsigned i = 1; i <= 2; i++) { /* a whole site, often */
            instance_says(history, i);
        }
        break;
    case 1:
        instance_says(history, 1 + (unsigned)random_below(&history->random, INSTANCES));
        break;
    case 2:
        history->service.ttl_s = 1 + (uint32_t)random_below(&history->random, 6);
        ledger_now(history);
        scene_policy(&history->scene, &history->service, "web.example.com");
        break;
    case 3:
        if (history->scene.stage.reader_count > 1) {
            ledger_now(history);
            stage_reader_leave(&history->scene.stage);
        }
        break;
    case 4:
    case 5:
    case 6:
        ledger_now(history);
        scene_pass_time(&history->scene, (int64_t)random_below(&history->random, 1500));
        break;
    default:
        somebody_asks(history);
        break;
    }
}

/* --- the account ---------------------------------------------------------------------------------
 */

/* Once nobody has an old snapshot. */
static void settle(struct history *history)
{
    ledger_now(history);
    while (history->scene.stage.reader_count > 1) {
        stage_reader_leave(&history->scene.stage);
    }
}

static void judge(struct history *history, unsigned site)
{
    struct reach_target target = {.site = SITES[site]};
    const struct snapshot *snapshot =
        history->scene.stage.readers[history->scene.stage.reader_count - 1].snapshot;
    struct reach reach;
    int64_t address = 0, exact = 0;
    settle(history);
    reach_of(history->scene.services, snapshot, &history->ledger, VIEW_NONE, &target, &reach);
    for (unsigned i = site * 2; i < site * 2 + 2; i++) {
        hold(&address, history->truth.address[i]);
        hold(&exact, history->truth.address[i]);
        hold(&exact, history->truth.led[i]);
        if (history->truth.target[i] > now_ns(history)) { /* it may be asked for yet */
            hold(&exact, history->truth.target[i] + history->service.ttl_s * SECOND);
        }
    }
    int64_t over = history->ledger.born.ns + ((int64_t)reach.until + TRANSIT_S) * SECOND;
    if (exact > now_ns(history)) { /* somebody holds it */
        assert_true(reach.until > 0);
        assert_true(over >= exact);
    }
    if (address > now_ns(history) && !history->truth.asked_srv && !reach.bound) {
        history->exact++;
        assert_true(over - address <= (TRANSIT_S + 1) * SECOND);
    }
    assert_int_equal(reach.instances, 2);
}

static unsigned history_run(uint64_t seed, unsigned steps)
{
    struct history history;
    history_init(&history, seed);
    for (unsigned i = 0; i < steps; i++) {
        step(&history);
        if (random_below(&history.random, 4) == 0) {
            judge(&history, (unsigned)random_below(&history.random, 2));
        }
    }
    judge(&history, 0);
    judge(&history, 1);
    history_deinit(&history);
    return history.exact;
}

static void test_random_histories(void **state)
{
    const char *length = getenv("HORIZON_TEST_LENGTH");
    unsigned count = length && strcmp(length, "full") == 0 ? 1000 : 200;
    unsigned exact = 0;
    (void)state;
    for (unsigned seed = 1; seed <= count; seed++) {
        exact += history_run(seed, 120);
    }
    assert_true(exact > count); /* it is no test of bounds alone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
