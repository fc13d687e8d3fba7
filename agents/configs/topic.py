"""Writing to the configs topic, and knowing that what was written can be read.

Whoever changes the configuration answers only when its records have come back through a consumer
and every matcher has had the time to notice them: an event published after that meets the change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.configs.view import ConfigReader, ConfigRecord, apply_records
from agents.errors import OperationError
from agents.kafka.clients import producer_config
from pipeline.configs import CONFIG_STALENESS_MS_MAX, Configs
from pipeline.settings import Settings
from schemas.topics import CONFIGS

# A broker that gives no sign for this long while a person waits is called away.
SILENCE_S_MAX: Final = 15
# Waiting for reports in slices keeps Ctrl-C quick and progress moving.
_SLICE_S: Final = 0.2


class ConfigTopic:
    """The configs topic, read to its end at first, for one change. Use it in a `with` block."""

    def __init__(self, settings: Settings) -> None:
        """Read the configuration as it is now; raises `OperationError` when that cannot be."""
        self._name = settings.topic(CONFIGS)
        # Made before it is needed: getting its id from the broker can take half a second.
        self._producer = Producer(
            producer_config(settings, linger_ms=5) | {"delivery.timeout.ms": SILENCE_S_MAX * 1_000}
        )
        self._reader = ConfigReader(settings)
        self._written = -1
        self.configs = Configs()
        try:
            with _failures_explained():
                end = self._reader.end_offset()
            self._read_until(end)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Give the topic itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the broker."""
        self.close()

    def close(self) -> None:
        """Let go of the broker."""
        self._reader.close()

    def write(
        self,
        writes: Iterable[tuple[bytes, bytes | None]],
        on_written: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Write keys and values (None deletes); return when the broker has them all.

        `on_written` is told of progress, by the number of records each time. Raises
        `OperationError` when some could not be written.
        """
        reports = _Reports(on_written)
        for key, value in writes:
            self._produce(key, value, reports)
        while len(self._producer):
            self._producer.poll(_SLICE_S)
        if reports.error is not None:
            raise OperationError(
                f"{reports.failed} of {reports.failed + reports.written} records could not be "
                f"written: {reports.error.str()}. Run it again: what was written stays"
            )
        self._written = max(self._written, reports.offset)

    def catch_up(self) -> list[ConfigRecord]:
        """Read to the end that the topic has now; what came, in its order.

        Raises `OperationError` when the broker goes away meanwhile.
        """
        came: list[ConfigRecord] = []
        with _failures_explained():
            end = self._reader.end_offset()
        self._read_until(end, came.extend)
        return came

    def wait_until_effective(self) -> None:
        """Read back what was written, then let every matcher notice it.

        Raises `OperationError` when the broker goes away meanwhile.
        """
        self._read_until(self._written + 1)
        time.sleep(2 * CONFIG_STALENESS_MS_MAX / 1_000)

    def _produce(self, key: bytes, value: bytes | None, reports: _Reports) -> None:
        """Queue one record; a full queue is waited for."""
        while True:
            try:
                self._producer.produce(self._name, value, key, on_delivery=reports.take)
            except BufferError:
                self._producer.poll(_SLICE_S)
            else:
                self._producer.poll(0)
                return

    def _read_until(
        self, end: int, tell: Callable[[list[ConfigRecord]], None] = lambda _: None
    ) -> None:
        """Read up to offset `end`, as long as the broker keeps giving signs."""
        heard_at_s = time.monotonic()
        position = self._reader.position()
        while position < end:
            with _failures_explained():
                records = self._reader.read()
                apply_records(self.configs, records)
                tell(records)
                moved = self._reader.position()
            if moved > position:
                position, heard_at_s = moved, time.monotonic()
            elif time.monotonic() - heard_at_s > SILENCE_S_MAX:
                raise OperationError(
                    f"reading the configuration stopped: nothing came for {SILENCE_S_MAX} s"
                )


@contextmanager
def _failures_explained() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise OperationError(f"reading the configuration failed: {error.args[0].str()}") from None


class _Reports:
    """The delivery reports of one change, counted."""

    def __init__(self, on_written: Callable[[int], None]) -> None:
        self.offset = -1
        self.written = 0
        self.failed = 0
        self.error: KafkaError | None = None
        self._on_written = on_written

    def take(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed += 1
            self.error = error
            return
        self.written += 1
        self.offset = max(self.offset, message.offset() or 0)
        self._on_written(1)
