#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What health checks cost: the share of a core that horizon takes for so many of them.

    bench/checks.py [--seconds N] [--json FILE] [KIND:COUNT:INTERVAL ...]

Without words the three that are promised: tcp:10000:1s, tcp:100000:10s, http:3333:1s. Each check
has an address and a port of its own in 127/8; nginx, on the other core, answers them all. Measured
after every instance was found working, over several intervals; one that is called critical voids
the figure. Exit status: 0 measured, 1 something is not as it should be, 2 usage or tools missing.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import peers
import process

ORIGIN = "dc1.test"
PROMISED = ["tcp:10000:1s", "tcp:100000:10s", "http:3333:1s"]
INSTANCES_A_SERVICE = 100
PATIENCE_S = 120
NGINX = """worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
worker_rlimit_nofile 65536;
events {{ worker_connections 32768; }}
http {{
  access_log off;
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  server {{ listen 0.0.0.0:{port} backlog=8192; return 200 "well"; }}
}}
"""
CONFIG = """server:
  listen: ["127.0.0.1:{dns}"]
  control: {folder}/control.sock
zones:
  - {{zone: {origin}, file: {folder}/zone}}
"""
ZONE = "$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 198.18.0.1\n"


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
    return path


def plan(kind, count, interval, port):
    """Services of a hundred instances each, every one at an address of its own."""
    check = {"kind": kind, "interval": interval, "timeout": "1s"}
    if kind == "http":
        check["path"] = "/"
    services = []
    for first in range(0, count, INSTANCES_A_SERVICE):
        numbers = range(first, min(first + INSTANCES_A_SERVICE, count))
        services.append({
            "service": f"s{first}.{ORIGIN}", "checks": [check],
            "instances": [{"id": f"i{n}", "port": port,
                           "addresses": [f"127.{10 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"]}
                          for n in numbers if n & 255 != 255]})
    return services


def registry_of(binary, control):
    done = subprocess.run([binary, "status", "--json", "--server", control], capture_output=True,
                          text=True, timeout=30, check=True)
    return json.loads(done.stdout)["registry"]


def apply(control, services):
    done = subprocess.run(
        ["curl", "-s", "--unix-socket", control, "--data-binary", "@-", "http://localhost/v1/apply"],
        input=json.dumps({"services": services}), capture_output=True, text=True, timeout=120,
        check=True)
    if not json.loads(done.stdout).get("ok"):
        sys.exit(f"checks: the plan was refused: {done.stdout[:300]}")


def measure(binary, wish, seconds, folder):
    kind, count, interval = wish.split(":")
    port, dns = process.port_find(), process.port_find()
    control = os.path.join(folder, "control.sock")
    write(folder, "zone", ZONE)
    config = write(folder, "horizon.yaml", CONFIG.format(dns=dns, folder=folder, origin=ORIGIN))
    nginx = write(folder, "nginx.conf", NGINX.format(port=port, folder=folder))
    backend = process.Process(["nginx", "-c", nginx, "-g", "daemon off;"],
                              os.path.join(folder, "nginx.out"), {1})
    server = process.Process([binary, "serve", "--config", config], os.path.join(folder, "log"),
                             {0})
    try:
        until(lambda: os.path.exists(control), "the server did not start")
        services = plan(kind, int(count), interval, port)
        wanted = sum(len(service["instances"]) for service in services)
        for first in range(0, len(services), 100):
            apply(control, services[first:first + 100])
        until(lambda: registry_of(binary, control)["verdicts"]["passing"] == wanted,
              "not every instance was found working")
        time.sleep(1)
        before, began = server.cpu_s()[0], time.monotonic()
        time.sleep(seconds)
        share = (server.cpu_s()[0] - before) / (time.monotonic() - began)
        after = registry_of(binary, control)
        with open(os.path.join(folder, "log"), encoding="utf-8") as log:
            condemned = log.read().count("is critical")
        fault = f"{condemned} were called critical" if condemned else None
        if after["verdicts"]["passing"] != wanted or after["checks_not_made"]:
            fault = f"{after['verdicts']}, {after['checks_not_made']} not made"
        return {"checks": wish, "instances": wanted, "core": share, "memory_mb": server.memory_mb(),
                "delayed": after["probes_delayed"], "fault": fault}
    finally:
        server.end()
        backend.end()


def until(ready, otherwise):
    ends = time.monotonic() + PATIENCE_S
    while not ready():
        if time.monotonic() > ends:
            sys.exit(f"checks: {otherwise}")
        time.sleep(0.2)


def main():
    parser = argparse.ArgumentParser(description="Measure what health checks cost.")
    parser.add_argument("checks", nargs="*", default=PROMISED, help="KIND:COUNT:INTERVAL")
    parser.add_argument("--seconds", type=float, default=20, help="measured time of each (20)")
    parser.add_argument("--json", metavar="FILE", help="write every figure here")
    options = parser.parse_args()
    binary = peers.Horizon().path
    missing = [name for name in ("nginx", "curl") if not shutil.which(name)]
    if not binary or missing:
        print(f"checks: not there: {', '.join(missing) or 'horizon; run make build first'}",
              file=sys.stderr)
        sys.exit(2)
    results = []
    for wish in options.checks:
        with tempfile.TemporaryDirectory(prefix="horizon-checks-") as folder:
            os.chmod(folder, 0o755)
            result = measure(binary, wish, options.seconds, folder)
        print(f"{wish:16} {result['instances']:7,} instances  {result['core'] * 100:5.1f} % of a core"
              f"  {result['memory_mb']:6.1f} MB  {result['fault'] or ''}")
        results.append(result)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(results, out, indent=1)
    sys.exit(1 if any(result["fault"] for result in results) else 0)


if __name__ == "__main__":
    main()
