"""A request that came to an inbound source, as a value: what was sent, and when it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """One request. Names of `headers` are lower-case.

    `query` is what follows the question mark, as it was sent; `url` is the whole address as the
    sender called it, which some of them sign.
    """

    method: str
    url: str
    query: str
    content_type: str
    headers: Mapping[str, str]
    body: bytes
    at_ms: int
