/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger/ledger.h"

enum {
    NS_PER_S = 1000000000
};

uint32_t ledger_second(const struct ledger *ledger, struct mono now)
{
    return (uint32_t)(mono_since(now, ledger->born).ns / NS_PER_S) + 1;
}

static void raise(_Atomic uint32_t *word, uint32_t until)
{
    uint32_t was = atomic_load_explicit(word, memory_order_relaxed);
    while (was < until && !atomic_compare_exchange_weak_explicit(
                              word, &was, until, memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* A TTL is at most 2^31 - 1 (RFC 2181 8): the sum fits for the next 68 years. */
void ledger_note(struct ledger *ledger, struct told_list *list, uint32_t now_s)
{
    for (uint32_t i = 0; i < list->count; i++) {
        raise(&ledger->until[list->at[i].word], now_s + list->at[i].ttl_s);
    }
    if (list->lost_ttl_s > 0) {
        raise(&ledger->lost_until, now_s + list->lost_ttl_s);
    }
    list->count = 0;
    list->lost_ttl_s = 0;
}

uint32_t ledger_until(const struct ledger *ledger, uint32_t word, uint32_t ttl_s)
{
    uint32_t until = atomic_load_explicit(&ledger->until[word], memory_order_relaxed);
    uint32_t lost = atomic_load_explicit(&ledger->lost_until, memory_order_relaxed);
    uint32_t restored = ledger->restored_s ? ledger->restored_s + ttl_s : 0;
    until = lost > until ? lost : until;
    return restored > until ? restored : until;
}

void ledger_forget(struct ledger *ledger, const struct slab *slab, const struct node *node)
{
    struct told_words words = told_words(slab, node);
    for (uint32_t i = words.first; i < words.first + words.count; i++) {
        if (atomic_load_explicit(&ledger->until[i], memory_order_relaxed) != 0) {
            atomic_store_explicit(&ledger->until[i], 0, memory_order_relaxed);
        }
    }
}

void ledger_replaced(struct ledger *ledger, uint64_t generation, uint32_t until)
{
    ledger->replaced[generation % LEDGER_GENERATIONS] =
        (struct ledger_generation){generation, until};
}

bool ledger_replaced_until(const struct ledger *ledger, uint64_t generation, uint32_t *ret_until)
{
    const struct ledger_generation *at = &ledger->replaced[generation % LEDGER_GENERATIONS];
    *ret_until = at->until;
    return generation > 0 && at->generation == generation;
}
