# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy follows horizon without flapping: SRV by `server-template`, over UDP and over TCP, with
nginx behind it; and glibc's own resolver."""

import collections
import contextlib
import json
import socket
import subprocess
import time

import pytest

import backends

ZONE = """$TTL 300
@    SOA ns1 hostmaster 1 7200 900 1209600 300
     NS  ns1
ns1  A   127.0.0.1
"""

NGINX = """daemon off; master_process off; pid {folder}/nginx{number}.pid; error_log stderr error;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/t{number}; proxy_temp_path {folder}/t{number};
  fastcgi_temp_path {folder}/t{number}; uwsgi_temp_path {folder}/t{number};
  scgi_temp_path {folder}/t{number};
  server {{ listen {address}:{port}; location / {{ return 200 "{address}\\n"; }} }}
}}
"""

HAPROXY = """global
  stats socket {folder}/haproxy.sock mode 600 level admin
  maxconn 200
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
resolvers horizon
  nameserver one {nameserver}
  accepted_payload_size {payload}
  timeout resolve 100ms
  timeout retry 200ms
  hold valid 100ms
  hold obsolete 0s
frontend in
  bind 127.0.0.1:{port}
  default_backend web
backend web
  balance roundrobin
  server-template web {slots} _http._tcp.web.prod.internal resolvers horizon init-addr none resolve-prefer ipv4
"""


class Program:
    """A process in the foreground, ended by its process id."""

    def __init__(self, words, folder, name):
        self.log = folder / f"{name}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def programs():
    with contextlib.ExitStack() as stack:
        yield lambda *words: stack.enter_context(contextlib.closing(Program(*words)))


def nginx(programs, folder, number, port):
    address = f"127.0.2.{number}"
    (folder / f"nginx{number}.conf").write_text(
        NGINX.format(folder=folder, number=number, address=address, port=port))
    program = programs(["nginx", "-c", str(folder / f"nginx{number}.conf"), "-p", str(folder)],
                       folder, f"nginx{number}")
    backends.until(lambda: can_connect(address, port) or program.process.poll() is not None)
    assert program.process.poll() is None, program.log.read_text()
    return program


def can_connect(address, port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def ask_haproxy(folder, words):
    with socket.socket(socket.AF_UNIX) as talk:
        talk.connect(str(folder / "haproxy.sock"))
        talk.sendall(words.encode() + b"\n")
        said = b""
        while chunk := talk.recv(65536):
            said += chunk
    return said.decode()


def servers(folder):
    """Addresses of the backend's servers that may be used, as HAProxy has them now."""
    up = set()
    for line in ask_haproxy(folder, "show servers state web").splitlines()[2:]:
        columns = line.split()
        # srv_addr, srv_op_state (2: running), srv_admin_state (0x20: no address by DNS)
        if len(columns) > 6 and columns[5] == "2" and not int(columns[6]) & 0x20:
            up.add(columns[4])
    return up


def haproxy(programs, folder, nameserver, payload, slots):
    port = backends.free_tcp_port()
    (folder / "haproxy.cfg").write_text(HAPROXY.format(
        folder=folder, nameserver=nameserver, payload=payload, slots=slots, port=port))
    programs(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], folder, "haproxy")
    backends.until(lambda: (folder / "haproxy.sock").exists())
    return port


def plan(daemon, numbers, port, check):
    body = {"services": [{"service": "web.prod.internal", "srv": ["_http._tcp"], "checks": check,
                          "instances": [
                              {"id": f"w{n}", "addresses": [f"127.0.2.{n}"], "port": port}
                              for n in numbers]}], "prune": True}
    done = subprocess.run(
        ["curl", "-s", "--unix-socket", daemon.socket, "-d", json.dumps(body),
         "http://localhost/v1/apply"], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout)["ok"], done.stdout


def watch(folder, wanted, seconds):
    """For so long the servers stay the ones that are wanted."""
    end = time.monotonic() + seconds
    looks = 0
    while time.monotonic() < end:
        assert servers(folder) == wanted
        looks += 1
        time.sleep(0.02)
    assert looks > 10


def addresses(*numbers):
    return {f"127.0.2.{n}" for n in numbers}


def test_haproxy_follows_without_flapping(start, folder, programs):
    daemon = start(zones={"prod.internal": "zone"}, files={"zone": ZONE})
    port = backends.free_tcp_port()
    made = {n: nginx(programs, folder, n, port) for n in range(1, 8)}
    check = [{"kind": "http", "path": "/", "interval": "200ms", "fall": 1}, {"kind": "held"}]
    plan(daemon, range(1, 6), port, check)
    front = haproxy(programs, folder, f"127.0.0.1:{daemon.port}", 1232, 10)
    backends.until(lambda: servers(folder) == addresses(1, 2, 3, 4, 5), 20)
    watch(folder, addresses(1, 2, 3, 4, 5), 1.5)
    said = collections.Counter(
        subprocess.run(["curl", "-s", f"http://127.0.0.1:{front}/"], capture_output=True, text=True,
                       check=True).stdout.strip() for _ in range(20))
    assert set(said) == addresses(1, 2, 3, 4, 5)

    plan(daemon, range(1, 8), port, check)  # up
    backends.until(lambda: servers(folder) == addresses(1, 2, 3, 4, 5, 6, 7), 20)
    watch(folder, addresses(1, 2, 3, 4, 5, 6, 7), 1)
    plan(daemon, range(2, 6), port, check)  # down
    backends.until(lambda: servers(folder) == addresses(2, 3, 4, 5), 20)
    watch(folder, addresses(2, 3, 4, 5), 1)
    made[3].close()  # failure
    backends.until(lambda: servers(folder) == addresses(2, 4, 5), 20)
    watch(folder, addresses(2, 4, 5), 1)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_haproxy_with_180_instances(start, folder, programs, transport):
    """Over UDP a subset that stays the same; over TCP all of them."""
    daemon = start(zones={"prod.internal": "zone"}, files={"zone": ZONE})
    plan(daemon, range(1, 181), 80, [])
    where = f"127.0.0.1:{daemon.port}"
    haproxy(programs, folder, where if transport == "udp" else f"tcp@{where}",
            1232 if transport == "udp" else 65535, 200)
    everybody = addresses(*range(1, 181))
    if transport == "tcp":
        backends.until(lambda: servers(folder) == everybody, 20, 0.1)
    else:
        seen = []

        def settled():
            seen.append(servers(folder))
            return len(seen) > 10 and len(seen[-1]) > 20 and seen[-1] == seen[-10]

        backends.until(settled, 20, 0.1)
        assert seen[-1] < everybody
    watch(folder, servers(folder), 2)


def test_glibc_resolves(start, folder):
    """getaddrinfo of a program that knows nothing of horizon, in a namespace of its own."""
    if subprocess.run(["unshare", "-m", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("namespaces need root")
    (folder / "zone").write_text(ZONE)
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    script = f"""
set -e
ip link set lo up
mount --bind {folder}/resolv.conf /etc/resolv.conf
"$HORIZON" serve --listen 127.0.0.1:53 --zone prod.internal={folder}/zone \
  --control {folder}/c.sock 2> {folder}/log &
for i in $(seq 100); do grep -q ready {folder}/log && break; sleep 0.1; done
for n in 1 2 3; do
  "$HORIZON" register web.prod.internal w$n --address 127.0.2.$n --server {folder}/c.sock
done
/usr/bin/python3 -c 'import socket
print(sorted({{item[4][0] for item in socket.getaddrinfo("web.prod.internal", 80, socket.AF_INET)}}))'
kill %1
wait
"""
    import daemons
    done = subprocess.run(["unshare", "-m", "-n", "bash", "-c", script], capture_output=True,
                          text=True, timeout=60, env={"HORIZON": daemons.BINARY, "PATH":
                                                      "/usr/sbin:/usr/bin:/sbin:/bin"}, check=False)
    assert "['127.0.2.1', '127.0.2.2', '127.0.2.3']" in done.stdout, (done.stdout, done.stderr)
