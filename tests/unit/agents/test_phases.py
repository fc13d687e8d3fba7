"""The clock of a try: what its marks come to."""

import socket
from types import SimpleNamespace

from agents.sender import phases
from agents.sender.guard import EgressGuard
from pipeline.settings import parse_networks

ADDRESS = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))


async def test_connecting_begins_with_the_first_of_several_addresses(monkeypatch):
    now_s = 0.0
    monkeypatch.setattr(phases, "time", SimpleNamespace(perf_counter=lambda: now_s))
    guard, clock = EgressGuard(parse_networks("127.0.0.0/8")), phases.Clock()
    for now_s in (1.0, 3.0):  # noqa: B007 - the clock reads it
        guard.socket(ADDRESS).close()
    now_s = 4.0
    clock.mark("connect_end")
    await guard.close()

    assert clock.timings().connect_ms == 3_000
