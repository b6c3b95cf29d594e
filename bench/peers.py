# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that are measured, and how each is set: one worker, no logging, nothing else.

A server is a class with

    name, package     what the table calls it, and the Debian package it comes from
    find()            the path of its program, or None
    lacks(row)        why it cannot serve a kind of row ("static", "views"), or None
    prepare(place)    writes its configuration and returns the command that starts it

`place` is a Place: where to write, which port to listen on, where the workload's files lie.
"""

import dataclasses
import glob
import os
import re
import shutil
import subprocess

ORIGIN = "dc1.test"
NETWORKS = {"internal": "127.1.0.0/16", "external": "127.2.0.0/16"}
SOURCES = {"internal": "127.1.0.1", "external": "127.2.0.1"}
SYSTEM_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"


@dataclasses.dataclass
class Place:
    folder: str   # the server's own, empty at first
    port: int
    row: str
    data: str     # the workload's files
    workers: int = 1

    def zone(self, name=ORIGIN):
        return os.path.join(self.data, f"{name}.zone")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="ascii") as out:
            out.write(text)
        return self.path(name)


class Server:
    name = package = program = ""
    rows = ("static",)
    version_flag = "-V"

    def __init__(self):
        self.path = self.find()

    def find(self):
        return shutil.which(self.program, path=SYSTEM_PATH)

    def version(self):
        """The first thing in the program's own words that looks like a version."""
        said = subprocess.run([self.path, self.version_flag], capture_output=True, text=True,
                              timeout=10, check=False)
        found = re.search(r"\d+\.\d+(\.\d+)?\S*", said.stdout + said.stderr)
        return found.group(0).rstrip(",)") if found else "?"

    def lacks(self, row):
        return None if row in self.rows else f"cannot serve this row ({row})"

    def accepts(self, reply):
        """Whether a reply to the start-up probe shows that the zone is served."""
        return len(reply) > 12 and reply[3] & 15 == 0 and reply[7] > 0


class Horizon(Server):
    name, package, program = "horizon", "", "build/horizon"
    rows = ("static", "views", "services", "weighted")
    version_flag = "--version"

    VIEWS = """server:
  listen: ["127.0.0.1:{port}"]
  control: {folder}/control.sock
views:
  internal:
    internal: true
    match: [{internal}]
  external:
    match: [{external}]
zones:
  - zone: {origin}
    file: {data}/external.zone
    overlays:
      - view: internal
        reason: every name has its inner addresses
        file: {data}/internal.overlay
"""

    SERVICES = """server:
  listen: ["127.0.0.1:{port}"]
  control: {folder}/control.sock
zones:
  - {{zone: {origin}, file: {data}/head.zone}}
"""

    def find(self):
        path = os.environ.get("HORIZON_BIN") or os.path.join(
            os.path.dirname(os.path.dirname(os.path.abspath(__file__))), self.program)
        return path if os.access(path, os.X_OK) else None

    def prepare(self, place):
        command = [self.path, "serve", "--workers", str(place.workers)]
        if place.row == "static":
            return command + ["--listen", f"127.0.0.1:{place.port}",
                              "--zone", f"{ORIGIN}={place.zone()}"]
        if place.row in ("services", "weighted"):
            with open(os.path.join(place.data, "services.yaml"), encoding="ascii") as services:
                text = self.SERVICES.format(port=place.port, folder=place.folder, data=place.data,
                                            origin=ORIGIN) + services.read()
            return command + ["--config", place.write("horizon.yaml", text)]
        text = self.VIEWS.format(port=place.port, folder=place.folder, data=place.data,
                                 origin=ORIGIN, **NETWORKS)
        return command + ["--config", place.write("horizon.yaml", text)]


class Gdnsd(Server):
    name = package = program = "gdnsd"
    rows = ("static", "views", "services", "weighted")
    version_flag = "-h"

    OPTIONS = """options => {{
  listen => [ 127.0.0.1:{port} ], udp_threads => {workers}, tcp_threads => 1,
  run_dir => {folder}/run, state_dir => {folder}/state
}}
"""
    GEOIP = """plugins => {{ geoip => {{
  maps => {{ views => {{ datacenters => [ internal, external ], nets => {{
    {internal} => [ internal ], {external} => [ external ] }} }} }},
  resources => {{ $include{{{data}/gdnsd-resources}} }}
}} }}
"""

    MULTIFO = """plugins => {{ multifo => {{ $include{{{data}/gdnsd-resources}} }} }}
"""

    def prepare(self, place):
        for folder in ("run", "state", "etc/zones"):
            os.makedirs(place.path(folder), exist_ok=True)
        text = self.OPTIONS.format(port=place.port, folder=place.folder, workers=place.workers)
        zone = place.zone()
        if place.row == "views":
            text += self.GEOIP.format(data=place.data, **NETWORKS)
            zone = place.zone("dyna")
        elif place.row in ("services", "weighted"):
            text += self.MULTIFO.format(data=place.data)
            zone = place.zone("dyna")
        os.symlink(zone, place.path(f"etc/zones/{ORIGIN}"))
        place.write("etc/config", text)
        return [self.path, "-c", place.path("etc"), "start"]


class Nsd(Server):
    name = package = program = "nsd"
    version_flag = "-v"

    CONFIG = """server:
  ip-address: 127.0.0.1@{port}
  server-count: {workers}
  database: ""
  minimal-responses: yes
  round-robin: no
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  tcp-count: 100
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
remote-control:
  control-enable: no
zone:
  name: {origin}
  zonefile: {zone}
"""

    def prepare(self, place):
        config = place.write("nsd.conf", self.CONFIG.format(
            port=place.port, folder=place.folder, origin=ORIGIN, zone=place.zone(),
            workers=place.workers))
        return [self.path, "-d", "-c", config]


class Knot(Server):
    name, package, program = "knot", "knot knot-module-geoip", "knotd"
    rows = ("static", "views")

    CONFIG = """server:
  rundir: "{folder}"
  listen: 127.0.0.1@{port}
  udp-workers: {workers}
  tcp-workers: 1
  background-workers: 1
database:
  storage: "{folder}"
log:
  - target: stderr
    any: error
{module}template:
  - id: default
    storage: "{folder}"
    journal-content: none
    zonefile-sync: -1
zone:
  - domain: {origin}
    file: "{zone}"
"""
    GEOIP = """mod-geoip:
  - id: views
    config-file: "{data}/knot-geo.conf"
    ttl: 60
    mode: subnet
"""

    def lacks(self, row):
        if row == "views" and not glob.glob("/usr/lib/*/knot/modules-*/geoip.so"):
            return "its module is not installed (package knot-module-geoip)"
        return super().lacks(row)

    def prepare(self, place):
        static = place.row == "static"
        module = "" if static else self.GEOIP.format(data=place.data)
        text = self.CONFIG.format(port=place.port, folder=place.folder, origin=ORIGIN,
                                  workers=place.workers, module=module,
                                  zone=place.zone() if static else place.zone("internal"))
        if not static:
            text += "    module: mod-geoip/views\n"
        return [self.path, "-c", place.write("knot.conf", text)]


class Bind(Server):
    name, package, program = "bind", "bind9", "named"
    rows = ("static", "views")
    version_flag = "-v"

    CONFIG = """options {{
  directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  minimal-responses yes;
  rrset-order {{ order none; }};
  notify no;
  dnssec-validation no;
  empty-zones-enable no;
  pid-file none;
  session-keyfile none;
}};
controls {{ }};
logging {{ category default {{ null; }}; }};
"""
    ZONE = 'zone "{origin}" {{ type primary; file "{zone}"; }};\n'

    def prepare(self, place):
        text = self.CONFIG.format(port=place.port, folder=place.folder)
        if place.row == "static":
            text += self.ZONE.format(origin=ORIGIN, zone=place.zone())
        else:
            for view, network in NETWORKS.items():
                zone = self.ZONE.format(origin=ORIGIN, zone=place.zone(view))
                text += f'view "{view}" {{ match-clients {{ {network}; }}; {zone} }};\n'
        workers = str(place.workers)
        return [self.path, "-f", "-n", workers, "-U", workers,
                "-c", place.write("named.conf", text)]


class Unbound(Server):
    name = package = program = "unbound"

    CONFIG = """server:
  num-threads: {workers}
  interface: 127.0.0.1@{port}
  access-control: 127.0.0.0/8 allow
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  module-config: "iterator"
  minimal-responses: yes
  do-daemonize: no
  local-zone: "test." nodefault
remote-control:
  control-enable: no
auth-zone:
  name: "{origin}"
  zonefile: "{zone}"
  for-downstream: yes
  for-upstream: yes
"""

    def prepare(self, place):
        text = self.CONFIG.format(port=place.port, folder=place.folder, origin=ORIGIN,
                                  zone=place.zone(), workers=place.workers)
        return [self.path, "-d", "-c", place.write("unbound.conf", text)]


class PowerDns(Server):
    name, package, program = "pdns", "pdns-server pdns-backend-bind", "pdns_server"
    version_flag = "--version"

    def prepare(self, place):
        zones = place.write("zones.conf", f'zone "{ORIGIN}" {{ type master; '
                                          f'file "{place.zone()}"; }};\n')
        place.write("pdns.conf", f"""launch=bind
bind-config={zones}
local-address=127.0.0.1
local-port={place.port}
receiver-threads={place.workers}
distributor-threads=1
loglevel=0
disable-syslog=yes
socket-dir={place.folder}
daemon=no
guardian=no
""")
        return [self.path, f"--config-dir={place.folder}"]


class Echo(Server):
    """The floor: datagrams sent back as they came. It serves any row that goes over UDP."""
    name, rows = "echo", ("static", "views", "services", "weighted")
    tools = ""

    def find(self):
        path = os.path.join(self.tools, "echo")
        return path if os.access(path, os.X_OK) else None

    def version(self):
        return "bare UDP"

    def accepts(self, reply):
        return len(reply) > 12

    def prepare(self, place):
        return [self.path, f"127.0.0.1:{place.port}"]


ALL = (Horizon, Gdnsd, Nsd, Knot, Bind, Unbound, PowerDns, Echo)
BY_NAME = {server.name: server for server in ALL}
