"""The egress guard at the two places where an address becomes real: name look-up and connecting.

A name is refused when any of its addresses is forbidden. The socket factory sees the very address
that is about to be connected, literals included, so no redirect and no change of a name's answer
between check and connection can pass.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from agents.sender.phases import mark, mark_first
from pipeline.egress import Verdict, verdict
from pipeline.settings import AllowedNetwork

# A look-up that hangs holds a thread; uvloop's own pool of four would soon be full of them.
_LOOKUPS_MAX: Final = 64
# A name server that says nothing for so long is asked again with the next attempt.
DNS_TIMEOUT_S: Final = 5.0

# The addresses of a name: host, port and family in, as `socket.getaddrinfo` takes them.
LookUp = Callable[[str, int, int], list[ResolveResult]]


class ForbiddenAddressError(Exception):
    """The rules forbid an address. Not an OSError: no other address of the name is tried."""

    def __init__(self, refused: Verdict, host: str) -> None:
        """Keep the verdict; `host` is the name or literal of the URL."""
        is_literal = host == refused.address
        super().__init__(str(refused) if is_literal else f"{host} is not called: {refused}")
        self.rule = refused.rule


def look_up(host: str, port: int, family: int) -> list[ResolveResult]:
    """All addresses that the system has for a name; raises OSError when there are none."""
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    return [
        ResolveResult(
            hostname=host,
            host=str(address[0]),
            port=port,
            family=found_family,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for found_family, _, protocol, _, address in found
    ]


class EgressGuard(AbstractResolver):
    """Resolves names and creates sockets, for allowed addresses only."""

    def __init__(
        self,
        allowed: tuple[AllowedNetwork, ...],
        look_up: LookUp = look_up,
        timeout_s: float = DNS_TIMEOUT_S,
    ) -> None:
        """`allowed` are the networks that an operator excepts from the rules."""
        self.allowed = allowed
        self._look_up = look_up
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(_LOOKUPS_MAX, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of a name, every one of them allowed; raises OSError when it has none."""
        mark("dns_start")
        loop = asyncio.get_running_loop()
        look_up = loop.run_in_executor(self._pool, self._look_up, host, port, family)
        try:
            found = await asyncio.wait_for(look_up, self._timeout_s)
        except TimeoutError:
            late = f"no name server answered within {self._timeout_s:g} s"
            raise socket.gaierror(socket.EAI_AGAIN, late) from None
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        for address in found:
            self._check(address["host"], port, host)
        mark("dns_end")
        return found

    async def close(self) -> None:
        """Give the threads back; one that hangs in a look-up is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def socket(self, address: tuple[Any, ...]) -> socket.socket:
        """A socket for the address about to be connected; raises `ForbiddenAddressError`."""
        family, kind, protocol, _, (host, port, *_) = address
        self._check(host, port, host)
        mark_first("connect_start")
        created = socket.socket(family, kind, protocol)
        created.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return created

    def _check(self, address: str, port: int, host: str) -> None:
        result = verdict(address, port, self.allowed)
        if not result.is_allowed:
            raise ForbiddenAddressError(result, host)
