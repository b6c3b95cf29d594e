/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The one executable: the command line, with the daemon behind `serve`.
 */
#include "cli/cli.h"
#include "daemon/daemon.h"

static int serve(const struct cli_serve *asked)
{
    struct daemon_options options = {
        .config = asked->config,
        .listens = asked->listens,
        .zones = asked->zones,
        .control = asked->control,
        .data = asked->data,
        .api = asked->api,
        .workers = asked->workers,
        .json = asked->json,
    };
    return daemon_run(&options);
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, serve);
}
