/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "answer/pick.h"

#include "base/hash.h"
#include "snapshot/policy.h"

static uint64_t hash_client(const struct address *client)
{
    uint64_t high, low;
    memcpy(&high, client->bytes, 8);
    memcpy(&low, client->bytes + 8, 8);
    return hash_mix(hash_mix(high + UINT64_C(0x9e3779b97f4a7c15)) ^ low);
}

static uint64_t hash_rdata(const uint8_t *rdata, unsigned len)
{
    uint64_t hash = len;
    for (; len >= 8; len -= 8, rdata += 8) {
        uint64_t word;
        memcpy(&word, rdata, 8);
        hash = hash_mix(hash ^ word);
    }
    uint64_t rest = 0;
    memcpy(&rest, rdata, len);
    return hash_mix(hash ^ rest);
}

struct scored {
    uint64_t score;
    uint32_t at;
};

/* Sifts the place `at` of a heap whose least score is at the top. */
static void heap_sift(struct scored *heap, unsigned count, unsigned at)
{
    for (;;) {
        unsigned child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        child += child + 1 < count && heap[child + 1].score < heap[child].score;
        if (heap[at].score <= heap[child].score) {
            return;
        }
        struct scored swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

void pick_stable(const struct node *node, const struct rrset *set, const struct address *client,
                 unsigned want, struct pick *out)
{
    struct scored heap[PICK_MOST];
    const uint8_t *at = rrset_data(node, set);
    uint64_t seed = hash_client(client);
    unsigned count = 0;
    want = want < PICK_MOST ? want : PICK_MOST;
    want = want < set->count ? want : set->count;
    for (unsigned i = 0; i < set->count && want > 0; i++) {
        uint16_t len;
        uint32_t place = (uint32_t)(at - (const uint8_t *)node);
        const uint8_t *rdata = rdata_next(set, &at, &len);
        struct scored one = {hash_mix(seed ^ hash_rdata(rdata, len)), place};
        if (count < want) {
            heap[count++] = one;
            for (unsigned k = count / 2; count == want && k-- > 0;) {
                heap_sift(heap, count, k);
            }
        } else if (one.score > heap[0].score) {
            heap[0] = one;
            heap_sift(heap, count, 0);
        }
    }
    out->count = count;
    while (count > 0) { /* the least goes to the end */
        out->at[count - 1] = heap[0].at;
        heap[0] = heap[--count];
        heap_sift(heap, count, 0);
    }
}

/* A number below `below`, and the next state. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return (uint64_t)(((unsigned __int128)hash_mix(*state) * below) >> 64);
}

static bool picked(const struct pick *pick, uint32_t place)
{
    for (unsigned i = 0; i < pick->count; i++) {
        if (pick->at[i] == place) {
            return true;
        }
    }
    return false;
}

void pick_weighted(const struct rrset *set, const uint8_t *weights, uint64_t random, unsigned want,
                   struct pick *out)
{
    unsigned count = set->count, size = type_fixed_bytes(set->type);
    uint64_t total = 0;
    for (unsigned i = 0; weights && i < count; i++) {
        total += policy_weight(weights, i);
    }
    out->count = 0;
    want = want < count ? want : count;
    want = want < PICK_MOST ? want : PICK_MOST;
    while (out->count < want) {
        bool by_weight = total > 0; /* of those that are left */
        uint64_t at = draw(&random, by_weight ? total : count - out->count);
        for (unsigned i = 0; i < count; i++) {
            uint64_t weight = by_weight ? policy_weight(weights, i) : 1;
            uint32_t place = set->at + i * size;
            if (out->count > 0 && picked(out, place)) {
                continue;
            }
            if (at < weight) {
                out->at[out->count++] = place;
                total -= by_weight ? weight : 0;
                break;
            }
            at -= weight;
        }
    }
}
