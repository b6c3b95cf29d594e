/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The load generator: asks a DNS server what a workload file says, checks every reply, and prints
 * what came of it as one line of JSON.
 *
 *     load --server ADDRESS:PORT --client [SOURCE,]FILE [--client ...] [options]
 *
 * Exit status: 0 every reply was right, 1 a reply was wrong (the run is void) or none came,
 * 2 usage, or a file or socket failed. One thread; the runner pins it.
 */
#include "drive.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct drive drive;

static const char usage[] =
    "usage: load --server ADDRESS:PORT --client [SOURCE,]FILE [--client ...]\n"
    "  --seconds S      how long to ask (1)\n"
    "  --rate QPS       start queries at this pace; without it as fast as replies come\n"
    "  --window N       queries under way over all sockets (160)\n"
    "  --sockets N      sockets or connections, dealt out to the clients in turn (4)\n"
    "  --timeout-ms MS  after which a query counts as lost (500)\n"
    "  --sample N       read one reply in N record by record (16)\n"
    "  --seed N         where in the file to begin, and which replies are sampled (1)\n"
    "  --tcp            over TCP, pipelined\n"
    "  --echo           the server is a bare echo\n";

enum option_name {
    OPTION_SERVER = 1,
    OPTION_CLIENT,
    OPTION_SECONDS,
    OPTION_RATE,
    OPTION_WINDOW,
    OPTION_SOCKETS,
    OPTION_TIMEOUT,
    OPTION_SAMPLE,
    OPTION_SEED,
    OPTION_TCP,
    OPTION_ECHO,
};

static const struct option long_options[] = {
    {"server", required_argument, NULL, OPTION_SERVER},
    {"client", required_argument, NULL, OPTION_CLIENT},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"window", required_argument, NULL, OPTION_WINDOW},
    {"sockets", required_argument, NULL, OPTION_SOCKETS},
    {"timeout-ms", required_argument, NULL, OPTION_TIMEOUT},
    {"sample", required_argument, NULL, OPTION_SAMPLE},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"tcp", no_argument, NULL, OPTION_TCP},
    {"echo", no_argument, NULL, OPTION_ECHO},
    {NULL, 0, NULL, 0},
};

/* A number within a range, the whole of the text. */
static bool number_parse(const char *text, double least, double most, double *ret_number)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= least && number <= most)) {
        fprintf(stderr, "load: '%s' is not a number from %g to %g\n", text, least, most);
        return false;
    }
    *ret_number = number;
    return true;
}

static bool count_parse(const char *text, uint32_t most, uint32_t *ret_count)
{
    double number;
    if (!number_parse(text, 1, most, &number)) {
        return false;
    }
    *ret_count = (uint32_t)number;
    return true;
}

static bool server_parse(char *text, struct sockaddr_in *ret_server)
{
    uint32_t port;
    char *colon = strrchr(text, ':');
    if (colon == NULL || !count_parse(colon + 1, UINT16_MAX, &port)) {
        return false;
    }
    *colon = '\0';
    *ret_server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, text, &ret_server->sin_addr) == 1;
}

/* [SOURCE,]FILE */
static bool client_parse(char *text)
{
    if (drive.client_count == DRIVE_CLIENTS_MAX) {
        fprintf(stderr, "load: at most %d clients\n", DRIVE_CLIENTS_MAX);
        return false;
    }
    struct drive_client *client = &drive.clients[drive.client_count];
    client->source.sin_family = AF_INET;
    char *comma = strchr(text, ',');
    if (comma != NULL) {
        *comma = '\0';
        if (inet_pton(AF_INET, text, &client->source.sin_addr) != 1) {
            fprintf(stderr, "load: '%s' is not an IPv4 address\n", text);
            return false;
        }
    }
    if (!query_set_read(&client->set, comma != NULL ? comma + 1 : text)) {
        return false;
    }
    drive.client_count++;
    return true;
}

static bool option_apply(int name, struct drive_options *options)
{
    double seed;
    switch (name) {
    case OPTION_SERVER:
        return server_parse(optarg, &options->server);
    case OPTION_CLIENT:
        return client_parse(optarg);
    case OPTION_SECONDS:
        return number_parse(optarg, 0.01, 3600, &options->duration_s);
    case OPTION_RATE:
        return number_parse(optarg, 1, 1e8, &options->rate_qps);
    case OPTION_WINDOW:
        return count_parse(optarg, DRIVE_SOCKETS_MAX * FLIGHT_SLOTS_MAX, &options->window);
    case OPTION_SOCKETS:
        return count_parse(optarg, DRIVE_SOCKETS_MAX, &options->sockets);
    case OPTION_TIMEOUT:
        return count_parse(optarg, 60000, &options->timeout_ms);
    case OPTION_SAMPLE:
        return count_parse(optarg, UINT32_MAX, &options->sample_one_in);
    case OPTION_SEED:
        if (!number_parse(optarg, 0, UINT32_MAX, &seed)) {
            return false;
        }
        options->seed = (uint64_t)seed;
        return true;
    case OPTION_TCP:
        options->tcp = true;
        return true;
    case OPTION_ECHO:
        options->echo = true;
        return true;
    default:
        return false;
    }
}

static bool options_parse(int argc, char **argv, struct drive_options *options)
{
    int name;
    while ((name = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (!option_apply(name, options)) {
            return false;
        }
    }
    uint32_t share = options->window / options->sockets;
    if (optind != argc || options->server.sin_port == 0 || drive.client_count == 0) {
        return false;
    }
    if (options->sockets < drive.client_count || share == 0 || share > FLIGHT_SLOTS_MAX) {
        fprintf(stderr, "load: a socket for each client, and 1 to %d queries for each socket\n",
                FLIGHT_SLOTS_MAX);
        return false;
    }
    return true;
}

static double timeval_seconds(struct timeval value)
{
    return (double)value.tv_sec + (double)value.tv_usec / 1e6;
}

static void report_print(const struct drive *run)
{
    const struct drive_tally *tally = &run->tally;
    const struct latency *latency = &tally->latency;
    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    double answered = tally->answered > 0 ? (double)tally->answered : 1;
    printf("{\"seconds\": %.3f, \"sent\": %lu, \"answered\": %lu, \"lost\": %lu, \"wrong\": %lu, "
           "\"stray\": %lu, \"sampled\": %lu, \"reconnects\": %lu, \"noerror\": %lu, "
           "\"nxdomain\": %lu, \"qps\": %.0f, \"reply_bytes_mean\": %.1f, \"p50_us\": %.1f, "
           "\"p99_us\": %.1f, \"max_us\": %.1f, \"load_cpu_s\": %.3f, \"first_fault\": \"%s\"}\n",
           run->options.duration_s, tally->sent, tally->answered, tally->lost, tally->wrong,
           tally->stray, tally->sampled, tally->reconnects, tally->rcodes[0], tally->rcodes[3],
           (double)tally->answered / run->options.duration_s, (double)tally->reply_bytes / answered,
           (double)latency_percentile_ns(latency, 0.50) / 1e3,
           (double)latency_percentile_ns(latency, 0.99) / 1e3, (double)latency->max_ns / 1e3,
           timeval_seconds(own.ru_utime) + timeval_seconds(own.ru_stime),
           tally->first_fault != NULL ? tally->first_fault : "");
}

int main(int argc, char **argv)
{
    drive.options = (struct drive_options){.duration_s = 1,
                                           .window = 160,
                                           .sockets = 4,
                                           .timeout_ms = 500,
                                           .sample_one_in = 16,
                                           .seed = 1};
    if (!options_parse(argc, argv, &drive.options)) {
        fputs(usage, stderr);
        return 2;
    }
    bool worked = drive.options.tcp ? drive_tcp(&drive) : drive_udp(&drive);
    if (worked) {
        report_print(&drive);
    }
    for (uint32_t i = 0; i < drive.client_count; i++) {
        query_set_free(&drive.clients[i].set);
    }
    if (!worked) {
        return 2;
    }
    return drive.tally.wrong > 0 || drive.tally.answered == 0 ? 1 : 0;
}
