"""What operations are carried out with: one value, made when the API starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agents.api.publishing import ApiPublisher
from agents.api.rerun_numbers import RerunNumbers
from agents.api.tester import Tester
from agents.api.view import LiveView
from agents.api.writing import ConfigWriter
from agents.history.reading import HistoryReader
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """Each may be away for a while; then it raises what the client is told as a 503.

    `writer` changes the configuration, `history` knows what happened, `publisher` writes to other
    topics, `tester` makes requests as a sender does, `reruns` counts deliveries begun again.
    """

    settings: Settings
    clock: Callable[[], int]
    view: LiveView
    writer: ConfigWriter
    history: HistoryReader
    publisher: ApiPublisher
    tester: Tester
    reruns: RerunNumbers = field(default_factory=RerunNumbers)
