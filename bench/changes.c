/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What changes do to answers: the server with its control in one process, where names are changed
 * one commit at a time while somebody else asks for the rest of the zone.
 *
 *   changes --listen ADDR:PORT --zone ORIGIN=FILE --services N       (bench/changes.py drives it)
 *   stdin:  RATE SECONDS      changes a second, and for how long
 *   stdout: one line of JSON a phase: CPU time of the workers and queries they took; for each
 * change the time from the commit's beginning to the first answer that shows it
 *
 * The changed names stand beside those of bench/workload.py in the tree, spread over all of it, and
 * are none of them: what is asked meanwhile stays as it is.
 */
#include "base/error.h"
#include "base/random.h"
#include "config/scope.h"
#include "control/control.h"
#include "dns/message.h"
#include "dns/name.h"
#include "io/clock.h"
#include "io/memory.h"
#include "server/server.h"
#include "source/zonefile.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    TTL_S = 60,
    ASK_AGAIN_MS = 100,
    ANSWER_LIMIT_MS = 2000, /* later is no answer */
    PHASE_CHANGES_MOST = 1000000,
};

struct bench {
    const char *listen, *zone;
    uint32_t services;
    struct random random;
    struct config *config;
    struct scope *scope;
    struct memory memory;
    struct slab_backing backing;
    struct control *control;
    struct publish *publish;
    struct server *server;
    int probe; /* a connected socket */
    uint32_t serial;
};

/* One phase. */
struct phase {
    double rate, seconds;
    uint32_t count, late;
    double *answer_us;
};

static void must(int err, const char *what)
{
    if (err != ERR_OK) {
        fprintf(stderr, "changes: %s: %s\n", what, error_text(err));
        exit(1);
    }
}

/* --- the server ---------------------------------------------------------------------------------
 */

static void core_make(struct bench *bench, struct diag_list *diags)
{
    struct control_limits limits = {.hold_removed_percent = 100};
    must(
        config_from_flags(&ALLOC_MALLOC, &bench->listen, 1, &bench->zone, 1, diags, &bench->config),
        "configuration");
    must(memory_reserve(&bench->memory, (size_t)16 << 30, (size_t)1 << 30), "address space");
    bench->backing = (struct slab_backing){.base = bench->memory.base,
                                           .reserved = bench->memory.reserved,
                                           .commit = memory_commit,
                                           .ctx = &bench->memory};
    must(control_new(&ALLOC_MALLOC, &bench->backing, &bench->control), "control");
    must(publish_new(&ALLOC_MALLOC, NULL, NULL, &bench->publish), "publish");
    struct server_options options = {.workers = 1,
                                     .tcp_connections = 10,
                                     .tcp_per_client = 10,
                                     .tcp_pipeline = 8,
                                     .tcp_first_byte_ms = 2000,
                                     .tcp_message_ms = 5000,
                                     .tcp_idle_ms = 10000,
                                     .tcp_write_ms = 5000};
    must(server_open(&ALLOC_MALLOC, &bench->config->desired, &options, bench->publish, diags,
                     &bench->server),
         "listen");
    must(scope_new(&ALLOC_MALLOC, bench->config, &bench->scope), "scope");
    must(control_configure(bench->control, &bench->config->desired, bench->scope, &limits, diags),
         "configure");
}

/* Shows what control has; gives back what nobody sees any more. */
static void publish_next(struct bench *bench)
{
    must(publish_reserve(bench->publish), "publish");
    const struct snapshot *next = control_take_snapshot(bench->control), *old;
    must(next ? publish_swap(bench->publish, next) : ERR_NOMEM, "publish");
    while ((old = publish_done(bench->publish))) {
        control_retire(bench->control, old);
    }
}

static void zone_load(struct bench *bench, struct diag_list *diags)
{
    struct zone_content content;
    must(zonefile_load(&ALLOC_MALLOC, &bench->config->desired.zones[0], false, &content, diags),
         "zone");
    must(control_zone_loaded(bench->control, 0, &content, (struct wall){0}, diags), "zone");
    zone_content_deinit(&content);
    publish_next(bench);
    must(server_start(bench->server), "workers");
}

static void server_make(struct bench *bench)
{
    struct diag_list diags;
    diag_init(&diags, &ALLOC_MALLOC);
    core_make(bench, &diags);
    zone_load(bench, &diags);
    diag_deinit(&diags);
    struct sockaddr_in address = {.sin_family = AF_INET};
    const struct desired_listener *listener = &bench->config->desired.listeners[0];
    memcpy(&address.sin_addr, listener->address.bytes + 12, 4);
    address.sin_port = htons((uint16_t)server_listener_port(bench->server, listener->slot));
    struct timeval limit = {.tv_usec = ASK_AGAIN_MS * 1000};
    bench->probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool good = bench->probe >= 0 &&
                connect(bench->probe, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                setsockopt(bench->probe, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0;
    must(good ? ERR_OK : ERR_IO, "probe");
}

static void server_unmake(struct bench *bench)
{
    const struct snapshot *last = publish_current(bench->publish), *old;
    server_stop(bench->server);
    publish_wait(bench->publish);
    while ((old = publish_done(bench->publish))) {
        control_retire(bench->control, old);
    }
    control_retire(bench->control, last);
    control_free(bench->control);
    server_free(bench->server);
    publish_free(bench->publish);
    scope_free(&ALLOC_MALLOC, bench->scope);
    config_free(bench->config);
    memory_release(&bench->memory);
    close(bench->probe);
}

/* CPU time of the threads that answer over UDP. */
struct spent {
    double all_s;  /* exact */
    double user_s; /* in ticks of the system's clock */
};

static FILE *task_open(const char *task, const char *file)
{
    char path[300];
    snprintf(path, sizeof(path), "/proc/self/task/%s/%s", task, file);
    return fopen(path, "r");
}

static bool task_answers(const char *task)
{
    char name[16] = "";
    FILE *comm = task_open(task, "comm");
    bool read = comm && fgets(name, sizeof(name), comm);
    if (comm) {
        fclose(comm);
    }
    return read && strncmp(name, "udp", 3) == 0;
}

static void task_add(const char *task, struct spent *sum)
{
    enum {
        CPU_CLOCK_OF_THREAD = 6 /* clock_getcpuclockid(3): (~id << 3) | 6 */
    };
    struct timespec spent;
    unsigned long ticks;
    clockid_t clock = (clockid_t)(~(unsigned)strtoul(task, NULL, 10) << 3 | CPU_CLOCK_OF_THREAD);
    if (clock_gettime(clock, &spent) == 0) {
        sum->all_s += (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
    }
    FILE *stat = task_open(task, "stat"); /* "id (name) state" and ten more before utime */
    if (stat &&
        fscanf(stat, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu", &ticks) == 1) {
        sum->user_s += (double)ticks / (double)sysconf(_SC_CLK_TCK);
    }
    if (stat) {
        fclose(stat);
    }
}

static struct spent workers_cpu(void)
{
    struct spent sum = {0};
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        if (task->d_name[0] != '.' && task_answers(task->d_name)) {
            task_add(task->d_name, &sum);
        }
    }
    if (tasks) {
        closedir(tasks);
    }
    return sum;
}

/* --- changes ------------------------------------------------------------------------------------
 */

/* Beside a service of bench/workload.py, somewhere in the tree. */
static void owner_draw(struct bench *bench, uint8_t *out)
{
    static const char *const kinds[] = {"api",   "auth",   "batch", "cache", "cart",  "db",
                                        "feed",  "ledger", "mail",  "pay",   "queue", "search",
                                        "stock", "store",  "user",  "web"};
    static const char *const environments[] = {"prod", "stage", "test", "dev"};
    uint32_t number = (uint32_t)random_below(&bench->random, bench->services);
    char text[64];
    snprintf(text, sizeof(text), "%s-%04ux.%s", kinds[number % 16], number / 16,
             environments[random_below(&bench->random, 4)]);
    must(name_from_text(text, bench->config->desired.zones[0].origin, out), "name");
}

static size_t query_make(const uint8_t *name, uint16_t id, uint8_t *out)
{
    size_t len = name_len(name);
    memset(out, 0, HEADER_BYTES);
    out[0] = (uint8_t)(id >> 8);
    out[1] = (uint8_t)id;
    out[5] = 1;
    memcpy(out + HEADER_BYTES, name, len);
    memcpy(out + HEADER_BYTES + len, "\0\1\0\1", 4);
    return HEADER_BYTES + len + 4;
}

/* Asks until the answer ends with the address; false: it never did. */
static bool answer_await(const struct bench *bench, const uint8_t *name, const uint8_t address[4])
{
    uint8_t query[HEADER_BYTES + NAME_MAX + 4], reply[512];
    struct mono end = mono_add(clock_mono(), duration_from_ms(ANSWER_LIMIT_MS));
    for (uint16_t id = 1; mono_before(clock_mono(), end); id++) {
        size_t len = query_make(name, id, query);
        if (send(bench->probe, query, len, 0) < 0) {
            return false;
        }
        ssize_t got = recv(bench->probe, reply, sizeof(reply), 0);
        if (got > (ssize_t)len && memcmp(reply, query, 2) == 0 &&
            memcmp(reply + got - 4, address, 4) == 0) {
            return true;
        }
    }
    return false;
}

static void change_once(struct bench *bench, struct phase *phase)
{
    uint8_t owner[NAME_MAX], address[4];
    uint32_t serial = ++bench->serial;
    struct diag_list diags;
    memcpy(address, &serial, sizeof(address));
    address[0] = 198;
    struct draft_record record = {
        .rdata = address, .ttl = TTL_S, .type = TYPE_A, .len = sizeof(address)};
    owner_draw(bench, owner);
    diag_init(&diags, &ALLOC_MALLOC);
    struct mono began = clock_mono();
    must(control_change_name(bench->control, 0, owner, &record, 1, &diags), "change");
    publish_next(bench);
    if (!answer_await(bench, owner, address)) {
        phase->late++;
    }
    phase->answer_us[phase->count++] = (double)mono_since(clock_mono(), began).ns / 1e3;
    diag_deinit(&diags);
}

static void sleep_until(struct mono at)
{
    struct duration left = mono_since(at, clock_mono());
    if (left.ns > 0) {
        struct timespec nap = {left.ns / 1000000000, left.ns % 1000000000};
        nanosleep(&nap, NULL);
    }
}

static int double_compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void phase_run(struct bench *bench, struct phase *phase)
{
    struct mono began = clock_mono(), end = {began.ns + (int64_t)(phase->seconds * 1e9)};
    struct spent spent = workers_cpu();
    uint64_t before = server_counter(bench->server, COUNTER_QUERIES_UDP, -1);
    for (uint32_t i = 0; phase->rate > 0 && i < PHASE_CHANGES_MOST; i++) {
        struct mono due = {began.ns + (int64_t)(i * (1e9 / phase->rate))};
        if (!mono_before(due, end)) {
            break;
        }
        sleep_until(due);
        change_once(bench, phase);
    }
    sleep_until(end);
    struct spent now = workers_cpu();
    uint64_t queries = server_counter(bench->server, COUNTER_QUERIES_UDP, -1) - before;
    qsort(phase->answer_us, phase->count, sizeof(double), double_compare);
    printf("{\"rate\": %g, \"cpu_s\": %.6f, \"user_s\": %.2f, \"queries\": %llu, \"changes\": %u, "
           "\"late\": %u",
           phase->rate, now.all_s - spent.all_s, now.user_s - spent.user_s,
           (unsigned long long)queries, phase->count, phase->late);
    if (phase->count > 0) {
        printf(", \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f",
               phase->answer_us[phase->count / 2],
               phase->answer_us[(uint64_t)phase->count * 99 / 100],
               phase->answer_us[phase->count - 1]);
    }
    printf("}\n");
    fflush(stdout);
}

static bool options_parse(struct bench *bench, int argc, char **argv)
{
    static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
                                            {"zone", required_argument, NULL, 'z'},
                                            {"services", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'l':
            bench->listen = optarg;
            break;
        case 'z':
            bench->zone = optarg;
            break;
        case 's':
            bench->services = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    return optind == argc && bench->listen && bench->zone && bench->services > 0;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    struct phase phase = {0};
    if (!options_parse(&bench, argc, argv)) {
        fprintf(stderr, "usage: changes --listen ADDR:PORT --zone ORIGIN=FILE --services N\n"
                        "  then, on standard input, lines of RATE SECONDS\n");
        return 2;
    }
    random_seed(&bench.random, 1);
    server_make(&bench);
    phase.answer_us = calloc(PHASE_CHANGES_MOST, sizeof(double));
    must(phase.answer_us ? ERR_OK : ERR_NOMEM, "figures");
    while (scanf("%lf %lf", &phase.rate, &phase.seconds) == 2) {
        phase.count = phase.late = 0;
        phase_run(&bench, &phase);
    }
    free(phase.answer_us);
    server_unmake(&bench);
    return 0;
}
