/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/json_text.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <string.h>

/* Bytes of a character that begins like this; 0: none does. */
static size_t character_bytes(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return 2;
    }
    if (first >= 0xe0 && first <= 0xef) {
        return 3;
    }
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* RFC 3629 3: no longer form than needed, no surrogates, nothing above U+10FFFF. */
static bool second_is_good(unsigned char first, unsigned char second)
{
    return !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second > 0x9f) &&
           !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second > 0x8f);
}

/* Length of the character at text, 0 when there is none. */
static size_t character_at(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t len = character_bytes(bytes[0]);
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xc0) != 0x80 || (i == 1 && !second_is_good(bytes[0], bytes[1]))) {
            return 0;
        }
    }
    return len;
}

json_t *json_text(const char *text)
{
    if (!text) {
        return json_null();
    }
    json_t *plain = json_string(text);
    if (plain) {
        return plain;
    }
    struct buf buf;
    buf_init(&buf, &ALLOC_MALLOC);
    int err = ERR_OK;
    while (*text && err == ERR_OK) {
        size_t len = character_at(text);
        err = len ? buf_append(&buf, text, len) : buf_append(&buf, "\xef\xbf\xbd", 3);
        text += len ? len : 1;
    }
    json_t *mended = err == ERR_OK ? json_stringn((char *)buf.data, buf.len) : NULL;
    buf_deinit(&buf);
    return mended;
}

char *text_cut_whole(char *text)
{
    size_t len = strlen(text), at = len;
    while (at > 0 && len - at < 3 && ((unsigned char)text[at - 1] & 0xc0) == 0x80) {
        at--;
    }
    if (at > 0 && character_bytes((unsigned char)text[at - 1]) > len - at + 1) {
        text[at - 1] = 0;
    }
    return text;
}
