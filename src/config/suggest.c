/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/suggest.h"

#include <stddef.h>
#include <string.h>

enum {
    WORD_MAX = 40
};

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static char folded(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    return c == '_' ? '-' : c;
}

/* Optimal string alignment distance; case and '_' for '-' cost nothing. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (unsigned j = 0; j <= b_len; j++) {
        last[j] = j;
        before[j] = 0;
    }
    for (unsigned i = 1; i <= a_len; i++) {
        now[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            unsigned change = folded(a[i - 1]) == folded(b[j - 1]) ? 0 : 1;
            now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + change);
            if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                folded(a[i - 2]) == folded(b[j - 1])) {
                now[j] = least(now[j], before[j - 2] + 1);
            }
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_len];
}

void suggest_consider(struct suggestion *suggestion, const char *candidate)
{
    size_t word_len = strlen(suggestion->word), len = strlen(candidate);
    if (word_len > WORD_MAX || len > WORD_MAX) {
        return;
    }
    unsigned found = distance(suggestion->word, word_len, candidate, len);
    unsigned allowed = (unsigned)(len < 6 ? (len + 1) / 2 : len / 3 + 1);
    if (found > allowed || found >= len) {
        return;
    }
    if (!suggestion->best || found < suggestion->distance) {
        suggestion->best = candidate;
        suggestion->distance = found;
    }
}
