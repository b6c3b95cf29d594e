/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * "Did you mean": the nearest of the words that would have been right. For misspelt keys and views
 * in a configuration, and for the words of the command line.
 *
 *   struct suggestion near = {.word = "lisen"};
 *   suggest_consider(&near, "listen");          once for each word that would do
 *   near.best                                   "listen", or NULL when nothing is near
 */
#pragma once

struct suggestion {
    const char *word;
    const char *best;
    unsigned distance; /* of best: letters to insert, drop, change or swap */
};

/* Remembers `candidate` if it is near the word (at most a third of its letters differ) and nearer
 * than those before. */
void suggest_consider(struct suggestion *suggestion, const char *candidate);
