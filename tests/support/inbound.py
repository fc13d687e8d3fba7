"""Requests to inbound sources, as values."""

from __future__ import annotations

from typing import Any

from pipeline.inbound_request import InboundRequest
from tests.support.builders import NOW_MS

URL = "https://hooks.example.com/in/token"


def a_request(
    body: bytes | str = b"", content_type: str = "application/json", **more: Any
) -> InboundRequest:
    """A request with a JSON body, unless it says another type."""
    query = more.get("query", "")
    known: dict[str, Any] = {
        "method": "POST",
        "url": f"{URL}?{query}" if query else URL,
        "query": query,
        "content_type": content_type,
        "headers": {},
        "body": body.encode() if isinstance(body, str) else body,
        "at_ms": NOW_MS,
    }
    return InboundRequest(**{**known, **more})
