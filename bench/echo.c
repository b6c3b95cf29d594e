/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The floor: a UDP server that sends every datagram back and does nothing else. What it costs a
 * query is the kernel's price, which no DNS server on the same sockets can undercut.
 *
 *     echo ADDRESS:PORT
 *
 * One thread, one socket, recvmmsg and sendmmsg in batches of 64. Runs until it is ended.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    BATCH = 64,
    DATAGRAM_MAX_BYTES = 1500,
    SOCKET_BUFFER_BYTES = 4 << 20
};

static uint8_t buffers[BATCH][DATAGRAM_MAX_BYTES];
static struct sockaddr_in peers[BATCH];
static struct iovec pieces[BATCH];
static struct mmsghdr messages[BATCH];

static bool endpoint_parse(const char *text, struct sockaddr_in *ret_endpoint)
{
    char address[INET_ADDRSTRLEN];
    const char *colon = strchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof address) {
        return false;
    }
    memcpy(address, text, (size_t)(colon - text));
    address[colon - text] = '\0';
    char *end;
    long port = strtol(colon + 1, &end, 10);
    ret_endpoint->sin_family = AF_INET;
    ret_endpoint->sin_port = htons((uint16_t)port);
    return *end == '\0' && port > 0 && port <= UINT16_MAX &&
           inet_pton(AF_INET, address, &ret_endpoint->sin_addr) == 1;
}

static void messages_prepare(void)
{
    for (int i = 0; i < BATCH; i++) {
        pieces[i] = (struct iovec){buffers[i], DATAGRAM_MAX_BYTES};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i],
                                              .msg_namelen = sizeof peers[i],
                                              .msg_iov = &pieces[i],
                                              .msg_iovlen = 1};
    }
}

/* Sends `count` datagrams back and makes their buffers whole again; false if the socket fails. */
static bool messages_return(int descriptor, int count)
{
    for (int i = 0; i < count; i++) {
        pieces[i].iov_len = messages[i].msg_len;
    }
    for (int sent = 0; sent < count;) {
        int done = sendmmsg(descriptor, messages + sent, (unsigned)(count - sent), 0);
        if (done < 0 && errno != EINTR) {
            return false;
        }
        sent += done > 0 ? done : 0;
    }
    for (int i = 0; i < count; i++) {
        pieces[i].iov_len = DATAGRAM_MAX_BYTES;
        messages[i].msg_hdr.msg_namelen = sizeof peers[i];
    }
    return true;
}

int main(int argc, char **argv)
{
    struct sockaddr_in endpoint = {0};
    if (argc != 2 || !endpoint_parse(argv[1], &endpoint)) {
        fprintf(stderr, "usage: echo ADDRESS:PORT\n");
        return 2;
    }
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int bytes = SOCKET_BUFFER_BYTES;
    if (descriptor < 0 ||
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) != 0 ||
        bind(descriptor, (struct sockaddr *)&endpoint, sizeof endpoint) != 0) {
        fprintf(stderr, "echo: %s: %s\n", argv[1], strerror(errno));
        return 2;
    }
    messages_prepare();
    for (;;) {
        int count = recvmmsg(descriptor, messages, BATCH, MSG_WAITFORONE, NULL);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 || !messages_return(descriptor, count)) {
            fprintf(stderr, "echo: %s\n", strerror(errno));
            return 1;
        }
    }
}
