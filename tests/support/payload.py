"""What forms, shops and calendars really send, in shape; names and numbers are made up.

Each is sent to a source whose mapping is what was suggested for it, with the rows in `edits` in
place of those for the same targets: at most three of them, as a person would make.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BOUNDARY = "----FormBoundary7MA4YWxk"


@dataclass(frozen=True)
class Payload:
    """A body, the source's region, what a person changes, and what the activity must hold."""

    name: str
    content_type: str
    body: bytes
    expected: dict[str, Any]
    region: str | None = None
    phase: str = "form"
    edits: list[dict[str, Any]] = field(default_factory=list)


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def as_multipart(*parts: tuple[str, str]) -> bytes:
    lines = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts
    ]
    return f"{''.join(lines)}--{BOUNDARY}--\r\n".encode()
