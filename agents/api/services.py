"""What operations are carried out with: one value, made when the API starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.api.view import LiveView
from pipeline.settings import Settings


@dataclass(slots=True)
class Services:
    """Each may be away for a while; then it raises the problem that says so.

    `writer` changes the configuration, `history` knows what happened, `publisher` writes to other
    topics, `tester` makes requests as a sender does.
    """

    settings: Settings
    view: LiveView
    clock: Callable[[], int]
    writer: Any = None
    history: Any = None
    publisher: Any = None
    tester: Any = None
