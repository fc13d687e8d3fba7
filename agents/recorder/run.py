"""The recorder's process: its tables, its pages, its signals, and its end in the right order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from sqlalchemy.exc import SQLAlchemyError

from agents.errors import OperationError
from agents.history.engine import Database, reason_of
from agents.history.schema import bring_up_to_date
from agents.history.writing import empty
from agents.kafka.reachability import Reachability
from agents.kafka.required import require_topics
from agents.lifecycle import end_process_on_failure, stop_on_signals
from agents.recorder.recorder import Recorder
from agents.recorder.watching import Watching
from agents.web import serve_health
from pipeline.settings import Settings

_log = structlog.get_logger()


async def run_recorder(settings: Settings, *, rebuild: bool = False) -> None:
    """Run until a signal; with `rebuild` empty the history first, so that all is read again.

    Raises `OperationError` when the broker or its topics are not there, or the history is that of a
    newer version. A database that is away is waited for, but not before it is emptied.
    """
    loop = asyncio.get_running_loop()
    stopping = stop_on_signals(loop)
    database = Database(settings)
    recorder = Recorder(settings, database)
    require_topics(recorder)
    await asyncio.to_thread(_prepare, settings, database, rebuild=rebuild)
    broker = Reachability(settings)
    watching = Watching(recorder)

    def readiness() -> Mapping[str, bool]:
        return {
            "assigned": recorder.is_assigned,
            "broker_answers": broker.is_reachable,
            "database_answers": recorder.database_answers,
        }

    def told() -> Mapping[str, object]:
        return {"lag_records": watching.lag_records, "behind_s": round(watching.behind_s, 1)}

    health = await serve_health(settings, readiness, told)
    background = [
        end_process_on_failure(asyncio.create_task(broker.run(), name="reachability")),
        end_process_on_failure(asyncio.create_task(watching.run(), name="watching")),
    ]
    recorder.start()
    await stopping.wait()
    for task in background:
        task.cancel()
    await loop.run_in_executor(None, recorder.stop)
    database.close()
    await health.cleanup()
    _log.info("recorder.stopped")


def _prepare(settings: Settings, database: Database, *, rebuild: bool) -> None:
    try:
        if database.is_sqlite:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        bring_up_to_date(database)
        if rebuild:
            with database.changing() as connection:
                empty(connection)
            _log.warning("history.emptied", database=str(database))
    except OSError as error:
        raise OperationError(f"cannot use {settings.data_dir}: {error.strerror}") from None
    except SQLAlchemyError as error:
        if rebuild:
            raise OperationError(
                f"cannot empty the history at {database}: {reason_of(error)}"
            ) from None
        _log.warning("history.database_away", error=reason_of(error), held=0)
