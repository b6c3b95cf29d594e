/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pack.h"

#include "base/error.h"

#include <string.h>

void pack_init(struct pack *pack, const struct alloc *alloc)
{
    *pack = (struct pack){.err = ERR_OK};
    buf_init(&pack->buf, alloc);
}

void pack_deinit(struct pack *pack)
{
    buf_deinit(&pack->buf);
}

void pack_raw(struct pack *pack, const void *data, size_t bytes)
{
    if (pack->err == ERR_OK && bytes > 0) {
        pack->err = buf_append(&pack->buf, data, bytes);
    }
}

void pack_bytes(struct pack *pack, const void *data, size_t bytes)
{
    if (bytes > UINT32_MAX) {
        pack->err = pack->err == ERR_OK ? ERR_LIMIT : pack->err;
        return;
    }
    pack_u32(pack, (uint32_t)bytes);
    pack_raw(pack, data, bytes);
}

void pack_text(struct pack *pack, const char *text)
{
    pack_bytes(pack, text, text ? strlen(text) + 1 : 0);
}

void pack_u8(struct pack *pack, uint8_t value)
{
    pack_raw(pack, &value, sizeof(value));
}

void pack_u16(struct pack *pack, uint16_t value)
{
    pack_raw(pack, &value, sizeof(value));
}

void pack_u32(struct pack *pack, uint32_t value)
{
    pack_raw(pack, &value, sizeof(value));
}

void pack_u64(struct pack *pack, uint64_t value)
{
    pack_raw(pack, &value, sizeof(value));
}

struct unpack unpack_from(const void *data, size_t bytes)
{
    return (struct unpack){.at = data, .end = (const uint8_t *)data + bytes};
}

static const uint8_t *unpack_take(struct unpack *unpack, size_t bytes)
{
    if (unpack->bad || (size_t)(unpack->end - unpack->at) < bytes) {
        unpack->bad = true;
        return NULL;
    }
    const uint8_t *taken = unpack->at;
    unpack->at += bytes;
    return taken;
}

void unpack_raw(struct unpack *unpack, void *out, size_t bytes)
{
    const uint8_t *taken = unpack_take(unpack, bytes);
    if (taken) {
        memcpy(out, taken, bytes);
    } else {
        memset(out, 0, bytes);
    }
}

const uint8_t *unpack_bytes(struct unpack *unpack, size_t *ret_len)
{
    uint32_t len = unpack_u32(unpack);
    const uint8_t *taken = unpack_take(unpack, len);
    *ret_len = taken ? len : 0;
    return taken;
}

const char *unpack_text(struct unpack *unpack)
{
    size_t len;
    const uint8_t *text = unpack_bytes(unpack, &len);
    if (len == 0) {
        return NULL;
    }
    if (memchr(text, 0, len) != text + len - 1) {
        unpack->bad = true;
        return NULL;
    }
    return (const char *)text;
}

uint8_t unpack_u8(struct unpack *unpack)
{
    uint8_t value;
    unpack_raw(unpack, &value, sizeof(value));
    return value;
}

uint16_t unpack_u16(struct unpack *unpack)
{
    uint16_t value;
    unpack_raw(unpack, &value, sizeof(value));
    return value;
}

uint32_t unpack_u32(struct unpack *unpack)
{
    uint32_t value;
    unpack_raw(unpack, &value, sizeof(value));
    return value;
}

uint64_t unpack_u64(struct unpack *unpack)
{
    uint64_t value;
    unpack_raw(unpack, &value, sizeof(value));
    return value;
}
