"""What the broker is made of: each jar's Maven coordinate, size and SHA-256, checked in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

LOCK_FILE: Final = "jars.lock"

_SHA256_HEX_LENGTH: Final = 64

_MEND: Final = "`python -m agents.broker.relock` writes the lock anew"


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar: where a Maven repository has it, and what it must be."""

    group: str
    artifact: str
    version: str
    size_bytes: int
    sha256: str

    @property
    def coordinate(self) -> str:
        """The jar as Maven spells it: `group:artifact:version`."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        """The jar's name in the cache."""
        return f"{self.artifact}-{self.version}.jar"

    def __str__(self) -> str:
        """The jar's line in the lock."""
        return f"{self.coordinate} {self.size_bytes} {self.sha256}"


@dataclass(frozen=True, slots=True)
class Lock:
    """All jars, in the order of the class path."""

    jars: tuple[Jar, ...]

    @property
    def size_bytes(self) -> int:
        """What a machine without any of the jars has to fetch."""
        return sum(jar.size_bytes for jar in self.jars)

    @property
    def digest(self) -> str:
        """A short name for exactly this set of jars."""
        return hashlib.sha256("\n".join(map(str, self.jars)).encode()).hexdigest()[:12]


def parse_lock(text: str) -> Lock:
    """The lock in `text`; lines that start with # are comments. Raises ValueError."""
    lines = [line.strip() for line in text.splitlines()]
    return Lock(tuple(_jar(line) for line in lines if line and not line.startswith("#")))


def packaged_lock() -> Lock:
    """The lock this version of Hookline was tested with."""
    return parse_lock(files(__package__).joinpath(LOCK_FILE).read_text("utf-8"))


def _jar(line: str) -> Jar:
    try:
        coordinate, size, sha256 = line.split()
        group, artifact, version = coordinate.split(":")
        size_bytes = int(size)
    except ValueError:
        raise ValueError(f"{line!r} is not `group:artifact:version size sha256`; {_MEND}") from None
    if len(sha256) != _SHA256_HEX_LENGTH:
        raise ValueError(f"{line!r} does not end with a SHA-256; {_MEND}")
    return Jar(group, artifact, version, size_bytes, sha256)
