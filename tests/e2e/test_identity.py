# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server says about itself: only what the configuration lets it say."""

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest
from daemons import zone_text

CONFIG = """server:
  listen: ["127.0.0.1:PORT"]
  nsid: dc1-a
  version-bind: "horizon of dc1"
  id-server: "dc1-a"
zones:
  - {zone: example.com, file: z}
"""


def chaos(daemon, name):
    query = dns.message.make_query(name, "TXT", "CH")
    return dns.query.udp(query, "127.0.0.1", port=daemon.port, timeout=5)


@pytest.mark.parametrize("name, text", [
    ("version.bind", "horizon of dc1"), ("version.server", "horizon of dc1"),
    ("id.server", "dc1-a"), ("hostname.bind", "dc1-a"), ("ID.Server", "dc1-a"),
])
def test_configured_names_of_class_ch_are_answered(start, name, text):
    reply = chaos(start(config=CONFIG, files={"z": zone_text()}), name)
    assert reply.rcode() == dns.rcode.NOERROR
    assert [item.to_text() for item in reply.answer[0]] == [f'"{text}"']


def test_other_names_of_class_ch_are_refused(start):
    daemon = start(config=CONFIG, files={"z": zone_text()})
    assert chaos(daemon, "authors.bind").rcode() == dns.rcode.REFUSED


def test_nothing_is_told_unless_it_is_configured(plain):
    for name in ("version.bind", "version.server", "id.server", "hostname.bind"):
        assert chaos(plain, name).rcode() == dns.rcode.REFUSED


def test_nsid_is_told_to_those_who_ask(start):
    daemon = start(config=CONFIG, files={"z": zone_text()})
    asked = daemon.ask("www.example.com", use_edns=0,
                       options=[dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")])
    assert [option.data for option in asked.options] == [b"dc1-a"]
    assert daemon.ask("www.example.com", use_edns=0).options == ()
