"""The egress guard at the two places where an address becomes real: name look-up and connecting.

A name is refused when any of its addresses is forbidden. The socket factory sees the very address
that is about to be connected, literals included, so no redirect and no change of a name's answer
between check and connection can pass.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from pipeline.egress import Verdict, verdict
from pipeline.settings import AllowedNetwork

# A look-up that hangs holds a thread; uvloop's own pool of four would soon be full of them.
_LOOKUPS_MAX: Final = 64


class ForbiddenAddressError(Exception):
    """The rules forbid an address. Not an OSError: no other address of the name is tried."""

    def __init__(self, refused: Verdict, host: str) -> None:
        """Keep the verdict; `host` is the name or literal of the URL."""
        where = "" if host == refused.address else f"{host} is "
        super().__init__(f"{where}{refused.address}: {refused.rule} addresses are forbidden")
        self.rule = refused.rule


class EgressGuard(AbstractResolver):
    """Resolves names and creates sockets, for allowed addresses only."""

    def __init__(self, allowed: tuple[AllowedNetwork, ...]) -> None:
        """`allowed` are the networks that an operator excepts from the rules."""
        self._allowed = allowed
        self._pool = ThreadPoolExecutor(_LOOKUPS_MAX, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of a name, every one of them allowed; raises OSError when it has none."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._pool, _look_up, host, port, family)
        for address in found:
            self._check(address["host"], port, host)
        return found

    async def close(self) -> None:
        """Give the threads back; one that hangs in a look-up is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def socket(self, address: tuple[Any, ...]) -> socket.socket:
        """A socket for the address about to be connected; raises `ForbiddenAddressError`."""
        family, kind, protocol, _, (host, port, *_) = address
        self._check(host, port, host)
        created = socket.socket(family, kind, protocol)
        created.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return created

    def _check(self, address: str, port: int, host: str) -> None:
        result = verdict(address, port, self._allowed)
        if not result.is_allowed:
            raise ForbiddenAddressError(result, host)


def _look_up(host: str, port: int, family: int) -> list[ResolveResult]:
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
