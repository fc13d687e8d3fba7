"""Under which conditions figures were taken: without them they say nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

import psutil

from agents.bench.cases import Options
from agents.broker.lock import packaged_lock
from pipeline.settings import Settings

_GIB: Final = 1024**3
# Above this share of its cores a machine does so much else that latencies say nothing.
_BUSY_SHARE: Final = 0.25


def conditions(options: Options, settings: Settings, repeat: int) -> dict[str, object]:
    """The machine, the versions and what was asked for."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / _GIB, 1),
        "python": platform.python_version(),
        "kafka": _kafka_version(),
        "hookline": version("hookline"),
        "load_average": round(os.getloadavg()[0], 2),
        "partitions": settings.job_partitions,
        "payload_bytes": options.payload_bytes,
        "rate": options.rate,
        "seconds": options.seconds,
        "endpoints": options.endpoints,
        "quick": options.quick,
        "repeat": repeat,
    }


def is_busy(found: Mapping[str, object]) -> bool:
    """Whether the machine did much else as the bench began."""
    return float(str(found["load_average"])) > _BUSY_SHARE * float(str(found["cores"]))


def _kafka_version() -> str:
    """The embedded broker's: no other is measured."""
    jars = packaged_lock().jars
    return next((jar.version for jar in jars if jar.artifact == "kafka-server"), "unknown")
