/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/client.h"

#include "api/control_socket.h"
#include "base/error.h"
#include "cli/print.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_LIMIT_MS 2000L
#define ANSWER_BYTES_MAX ((size_t)256 << 20)

const char *client_socket(const struct call *call, char *out)
{
    const char *given = call_option(call, OPT_SERVER);
    if (given) {
        return given;
    }
    return control_socket_default(out, CLIENT_PATH_MAX);
}

static void target_text(struct target *target, const char *text, size_t len)
{
    if (target->len + len >= sizeof(target->text)) {
        target->too_long = true;
        return;
    }
    memcpy(target->text + target->len, text, len);
    target->len += len;
    target->text[target->len] = 0;
}

void target_begin(struct target *target, const char *path)
{
    *target = (struct target){.len = 0};
    target_text(target, "http://horizon", 14);
    target_text(target, path, strlen(path));
}

void target_add(struct target *target, const char *name, const char *value)
{
    if (!value) {
        return;
    }
    target_text(target, strchr(target->text, '?') ? "&" : "?", 1);
    target_text(target, name, strlen(name));
    target_text(target, "=", 1);
    for (; *value; value++) {
        char hex[4];
        bool plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._",
                            *value) != NULL;
        snprintf(hex, sizeof(hex), plain ? "%c" : "%%%02X", (unsigned char)*value);
        target_text(target, hex, strlen(hex));
    }
}

static size_t on_bytes(char *data, size_t size, size_t count, void *ctx)
{
    struct buf *answer = ctx;
    if (answer->len + size * count > ANSWER_BYTES_MAX ||
        buf_append(answer, data, size * count) != ERR_OK) {
        return 0;
    }
    return size * count;
}

static CURLcode exchange(const char *socket, const char *method, const struct target *target,
                         const char *body, struct buf *answer, long *ret_status)
{
    CURL *curl = curl_easy_init();
    if (!curl) {
        return CURLE_OUT_OF_MEMORY;
    }
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(curl, CURLOPT_URL, target->text);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_LIMIT_MS);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
    }
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return code;
}

static int nobody_there(const struct call *call, const char *socket, CURLcode code)
{
    char reason[512], mend[256];
    if (code == CURLE_COULDNT_CONNECT) {
        bool offline = call->command->options & (UINT64_C(1) << OPT_CONFIG);
        snprintf(reason, sizeof(reason), "no horizon answers at %s", socket);
        snprintf(mend, sizeof(mend), "start it with 'horizon serve'%s",
                 offline ? ", name its socket with --server, or ask a configuration with --config"
                         : ", or name its socket with --server");
    } else {
        snprintf(reason, sizeof(reason), "%s: %s", socket, curl_easy_strerror(code));
        mend[0] = 0;
    }
    return print_fault(EXIT_NO, "server", mend[0] ? mend : NULL, "%s", reason);
}

static int told_error(const json_t *answer, long status)
{
    const json_t *error = json_object_get(answer, "error");
    const char *reason = json_string_value(json_object_get(error, "reason"));
    char plain[64];
    if (!reason) {
        snprintf(plain, sizeof(plain), "the server answered with HTTP status %ld", status);
        reason = plain;
    }
    const char *field = json_string_value(json_object_get(error, "field"));
    bool listed = field && strchr(field, '['); /* which of many: no word of the command says it */
    return print_fault(status == 400 ? EXIT_USAGE : EXIT_NO, field,
                       json_string_value(json_object_get(error, "mend")), "%s%s%s",
                       listed ? field : "", listed ? ": " : "", reason);
}

int client_ask(const struct call *call, const char *method, const struct target *target,
               json_t *body, json_t **ret_json)
{
    char path[CLIENT_PATH_MAX];
    const char *socket = client_socket(call, path);
    char *body_text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (target->too_long) {
        free(body_text);
        return print_usage(call->command, "that is too long a question");
    }
    struct buf answer;
    buf_init(&answer, &ALLOC_MALLOC);
    long status = 0;
    CURLcode code = exchange(socket, method, target, body_text, &answer, &status);
    free(body_text);
    json_t *json = json_loadb(answer.data ? (char *)answer.data : "", answer.len, 0, NULL);
    buf_deinit(&answer);
    int result = EXIT_DONE;
    if (code != CURLE_OK) {
        result = nobody_there(call, socket, code);
    } else if (status != 200 || !json) {
        result = told_error(json, status);
    } else {
        *ret_json = json_incref(json);
    }
    json_decref(json);
    return result;
}
