/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Text from outside (file names, words of a zone file, messages cut to a size) as JSON. JSON is
 * UTF-8; text from outside need not be, and one such text must not cost the object that it is in.
 */
#pragma once

#include <jansson.h>

/* Each byte that is no part of a UTF-8 character becomes U+FFFD; NULL becomes null. */
json_t *json_text(const char *text);

/* Takes off what a cut left of a last character. Returns text. */
char *text_cut_whole(char *text);
