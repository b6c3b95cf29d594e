/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What `server` holds beyond plain values: the listeners and the server identifier.
 */
#include "config/read.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* A text that is no ADDR:PORT: what is wrong with it, and what it should be. */
static void endpoint_error(struct reading *reading, struct place place, const char *what,
                           const char *text)
{
    struct address address;
    const char *last = strrchr(text, ':');
    const char *mend = "write ADDR:PORT, such as 127.0.0.1:53 or \"[::1]:53\"";
    const char *wrong = "is not an address and a port";
    if (address_from_text(text, &address) == ERR_OK) {
        wrong = "port missing";
        mend = last ? reading_text(reading, "write [%s]:53", text)
                    : reading_text(reading, "write %s:53", text);
    } else if (*text == '[' && text[strlen(text) - 1] == ']') {
        wrong = "port missing";
        mend = reading_text(reading, "write %s:53", text);
    } else if (*text == ':' || *text == '*') {
        const char *port = last ? last + 1 : "53";
        wrong = "address missing";
        mend =
            reading_text(reading, "write 0.0.0.0:%s for all of IPv4, [::]:%s for IPv6", port, port);
    } else if (*text && strspn(text, "0123456789") == strlen(text)) {
        wrong = "address missing";
        mend = reading_text(reading, "write 127.0.0.1:%s", text);
    } else if (last && strncmp(text, "localhost:", 10) == 0) {
        wrong = "names are not looked up";
        mend = reading_text(reading, "write 127.0.0.1:%s", last + 1);
    }
    reading_error(reading, place, mend, "%s %s: %s", what, text, wrong);
}

/* The part before the port, without brackets; false when there is no such part. */
static bool endpoint_split(const char *text, char address[ADDRESS_TEXT_BYTES], const char **port)
{
    const char *last = strrchr(text, ':');
    if (!last) {
        return false;
    }
    size_t len = (size_t)(last - text);
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    if (bracketed) {
        text++;
        len -= 2;
    }
    bool colons = memchr(text, ':', len) != NULL;
    if (len >= ADDRESS_TEXT_BYTES || colons != bracketed) {
        return false;
    }
    memcpy(address, text, len);
    address[len] = '\0';
    *port = last + 1;
    return true;
}

bool endpoint_read(struct reading *reading, struct place place, const char *what, const char *text,
                   struct desired_listener *out)
{
    char host[ADDRESS_TEXT_BYTES];
    const char *port;
    struct address address;
    if (!endpoint_split(text, host, &port) || address_from_text(host, &address) != ERR_OK) {
        endpoint_error(reading, place, what, text);
        return false;
    }
    size_t digits = strspn(port, "0123456789");
    unsigned number = 0;
    for (size_t i = 0; i < digits && i < 6; i++) {
        number = number * 10 + (unsigned)(port[i] - '0');
    }
    if (digits == 0 || digits > 5 || port[digits] || number > 65535) {
        reading_error(reading, place, "write a port from 0 to 65535; 0 lets the kernel choose",
                      "%s %s: '%s' is not a port", what, text, port);
        return false;
    }
    out->address = address;
    out->port = (uint16_t)number;
    return true;
}

/* One item: ADDR:PORT, or a map with a name. Without an address it stays in the list, so that views
 * that name it are not blamed. */
static void listener_item(struct reading *reading, const struct option *option,
                          const struct node *item, struct desired_listener *listener)
{
    listener->place = item->place;
    if (item->kind == NODE_TEXT) {
        endpoint_read(reading, item->place, option->path, item->text, listener);
        return;
    }
    if (!node_expect(reading, option, item, NODE_MAP)) {
        reading->listeners_unclear = true;
        return;
    }
    group_read(reading, "server.listen[]", item, listener);
    if (listener->name) {
        label_check(reading, item->place, "listener", listener->name);
    }
}

void read_listen(struct reading *reading, const struct option *option, const struct node *node,
                 void *group)
{
    struct desired *desired = &((struct config *)group)->desired;
    reading->listeners_unclear = node->kind != NODE_LIST;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    if (node->count == 0 || node->count > LIMIT_LISTENERS) {
        reading_error(reading, node->place, NULL, "%s has %u items; 1 to %d are possible",
                      option->path, node->count, (int)LIMIT_LISTENERS);
        reading->listeners_unclear = true;
        return;
    }
    desired->listeners = reading_new(reading, node->count, sizeof(*desired->listeners));
    if (!desired->listeners) {
        return;
    }
    uint32_t errors = reading->diags->errors;
    for (const struct node *item = node->first; item; item = item->next) {
        struct desired_listener *listener = &desired->listeners[desired->listener_count];
        listener->slot = (uint16_t)desired->listener_count++;
        listener_item(reading, option, item, listener);
    }
    reading->listeners_faulty = errors != reading->diags->errors;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of 0x... into out; -1 when it is not whole bytes of hex or too long. */
static int hex_decode(const char *text, uint8_t *out, size_t size)
{
    size_t len = strlen(text);
    if (len == 0 || len % 2 || len / 2 > size) {
        return -1;
    }
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return -1;
        }
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return (int)(len / 2);
}

void read_nsid(struct reading *reading, const struct option *option, const struct node *node,
               void *group)
{
    struct config *config = group;
    struct option plain = *option;
    plain.read = NULL;
    scalar_read(reading, &plain, node, group);
    if (!config->nsid) {
        return;
    }
    size_t len = strlen(config->nsid);
    if (strncmp(config->nsid, "0x", 2) == 0) {
        int bytes = hex_decode(config->nsid + 2, config->nsid_bytes, sizeof(config->nsid_bytes));
        if (bytes < 0) {
            reading_error(reading, node->place, "write two hex digits a byte, at most 128 bytes",
                          "%s: '%s' is not whole bytes", option->path, config->nsid);
            return;
        }
        config->nsid_len = (uint8_t)bytes;
    } else if (len > sizeof(config->nsid_bytes)) {
        reading_error(reading, node->place, "write a shorter one",
                      "%s has %zu bytes, at most %zu fit", option->path, len,
                      sizeof(config->nsid_bytes));
    } else {
        memcpy(config->nsid_bytes, config->nsid, len);
        config->nsid_len = (uint8_t)len;
    }
}

/* Anybody who reaches the API may read it: only this machine may. */
void read_api_listen(struct reading *reading, const struct option *option, const struct node *node,
                     void *group)
{
    struct config *config = group;
    struct desired_listener *listener = &config->api_listen;
    char text[ADDRESS_TEXT_BYTES];
    if (!node_expect(reading, option, node, NODE_TEXT) ||
        !endpoint_read(reading, node->place, option->path, node->text, listener)) {
        return;
    }
    listener->place = node->place;
    if (listener->port == 0) {
        reading_error(reading, node->place, "write a port from 1 to 65535",
                      "the API needs a port that clients know");
    }
    if (address_kind(&listener->address) != ADDRESS_LOOPBACK) {
        reading_error(reading, node->place, "write 127.0.0.1 or ::1, and put a TLS proxy before it",
                      "%s can be reached from elsewhere, and the API has no TLS",
                      address_to_text(&listener->address, text));
    }
}

void read_tokens(struct reading *reading, const struct option *option, const struct node *node,
                 void *group)
{
    struct config *config = group;
    if (!node_expect(reading, option, node, NODE_LIST)) {
        return;
    }
    config->tokens = reading_new(reading, node->count ? node->count : 1, sizeof(*config->tokens));
    for (const struct node *item = node->first; config->tokens && item; item = item->next) {
        struct api_token *token = &config->tokens[config->token_count];
        *token = (struct api_token){.place = item->place};
        if (!node_expect(reading, option, item, NODE_MAP)) {
            continue;
        }
        group_read(reading, "api.tokens[]", item, token);
        for (uint32_t i = 0; token->name && token->token && i < config->token_count; i++) {
            if (strcmp(config->tokens[i].name, token->name) == 0 ||
                strcmp(config->tokens[i].token, token->token) == 0) {
                reading_error(reading, item->place, "give each its own",
                              "the token or its name is there twice; the other is in line %u",
                              config->tokens[i].place.line);
            }
        }
        if (token->name && token->token &&
            label_check(reading, item->place, "token", token->name)) {
            config->token_count++;
        }
    }
}
