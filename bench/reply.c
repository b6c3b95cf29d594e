/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Checking what came back; the two depths are told apart in reply.h.
 */
#include "reply.h"

#include "query_set.h"

#include <stdbool.h>
#include <string.h>

enum {
    FLAG_QR = 0x80,
    FLAG_TC = 0x02,
    OPCODE_MASK = 0x78,
    RCODE_MASK = 0x0f,
    TYPE_A = 1,
    TYPE_SOA = 6,
    RECORD_FIXED_BYTES = 10, /* type, class, TTL, length of the data */
    POINTER_BITS = 0xc0,
    ADDRESS_BYTES = 4,
};

struct record {
    size_t owner_at;
    size_t data_at;
    uint16_t type;
    uint16_t data_bytes;
};

static uint16_t wire_read_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t wire_read_u32(const uint8_t *at)
{
    return (uint32_t)wire_read_u16(at) << 16 | wire_read_u16(at + 2);
}

const char *reply_fault(const struct query *query, const uint8_t *reply, size_t length)
{
    if (length < (size_t)QUERY_HEADER_BYTES + query->question_bytes) {
        return "shorter than its question";
    }
    if ((reply[2] & FLAG_QR) == 0 || (reply[2] & OPCODE_MASK) != 0) {
        return "not a response to a query";
    }
    if ((reply[2] & FLAG_TC) != 0) {
        return "truncated";
    }
    if ((reply[3] & RCODE_MASK) != query->rcode) {
        return "rcode";
    }
    if (wire_read_u16(reply + 4) != 1 ||
        memcmp(reply + QUERY_HEADER_BYTES, query->bytes + QUERY_HEADER_BYTES,
               query->question_bytes) != 0) {
        return "question not echoed bit for bit";
    }
    if (wire_read_u16(reply + 6) != query->answers) {
        return "number of answers";
    }
    return NULL;
}

/* Reads the record at *at and moves *at behind it; false if the message ends first. */
static bool record_next(const uint8_t *reply, size_t length, size_t *at, struct record *record)
{
    size_t position = *at;
    record->owner_at = position;
    while (position < length && reply[position] != 0) {
        if ((reply[position] & POINTER_BITS) == POINTER_BITS) {
            position++;
            break;
        }
        position += 1U + reply[position];
    }
    position++;
    if (position + RECORD_FIXED_BYTES > length) {
        return false;
    }
    record->type = wire_read_u16(reply + position);
    record->data_bytes = wire_read_u16(reply + position + 8);
    record->data_at = position + RECORD_FIXED_BYTES;
    *at = record->data_at + record->data_bytes;
    return *at <= length;
}

/* The owner is the name asked: a pointer to the question, or the same bytes again. */
static bool record_owner_is_question(const struct query *query, const uint8_t *reply, size_t length,
                                     const struct record *record)
{
    size_t name_bytes = query->question_bytes - 4U;
    const uint8_t *owner = reply + record->owner_at;
    if (wire_read_u16(owner) == (POINTER_BITS << 8 | QUERY_HEADER_BYTES)) {
        return true;
    }
    return length - record->owner_at >= name_bytes &&
           memcmp(owner, query->bytes + QUERY_HEADER_BYTES, name_bytes) == 0;
}

const char *reply_content_fault(const struct query *query, const uint8_t *reply, size_t length)
{
    size_t at = QUERY_HEADER_BYTES + (size_t)query->question_bytes;
    struct record record;
    uint32_t address_sum = 0;
    for (uint32_t i = 0; i < query->answers; i++) {
        if (!record_next(reply, length, &at, &record)) {
            return "an answer record is cut short";
        }
        if (!record_owner_is_question(query, reply, length, &record)) {
            return "an answer for another name";
        }
        if (record.type != TYPE_A || record.data_bytes != ADDRESS_BYTES) {
            return "an answer that is no address";
        }
        address_sum += wire_read_u32(reply + record.data_at);
    }
    if (address_sum != query->address_sum) {
        return "addresses";
    }
    if (query->answers == 0 &&
        (wire_read_u16(reply + 8) == 0 || !record_next(reply, length, &at, &record) ||
         record.type != TYPE_SOA)) {
        return "a negative answer without its SOA";
    }
    return NULL;
}

const char *reply_echo_fault(const struct query *query, const uint8_t *reply, size_t length)
{
    if (length != query->length_bytes || memcmp(reply + 2, query->bytes + 2, length - 2) != 0) {
        return "not the query echoed";
    }
    return NULL;
}
