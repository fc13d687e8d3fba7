"""Fetch jars from a Maven repository, several at a time, and let in none but the locked ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import requests
from jgo.maven import MavenContext, PythonResolver

from agents.broker.lock import Jar
from agents.errors import OperationError

# The jars are small, so it is round trips that cost, and a repository allows a client a few.
_CONNECTIONS: Final = 6

# A connection that is reset once in fifty fetches should not be the reader's problem.
_TRIES: Final = 3

_READ_TIMEOUT_S: Final = 30


def fetch_jars(
    jars: tuple[Jar, ...], staging: Path, target: Path, advance: Callable[[int], None]
) -> None:
    """Fetch `jars` by way of `staging` into `target`; raises `OperationError` at the first failure.

    A jar appears in `target` whole and verified, or not at all. `advance` is told arriving bytes.
    """
    context = MavenContext(
        repo_cache=staging,
        timeout=_READ_TIMEOUT_S,
        resolver=PythonResolver(progress_callback=_each_file(advance)),
    )
    pool = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="jars")
    try:
        for _ in pool.map(lambda jar: _fetch(context, jar, target), jars):
            pass
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def sha256_of(path: Path) -> str:
    """A file's SHA-256 as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(context: MavenContext, jar: Jar, target: Path) -> None:
    cause = ""
    for _ in range(_TRIES):
        artifact = context.create_dependency(jar.coordinate).artifact
        try:
            arrived = Path(artifact.resolve())
        except (requests.RequestException, RuntimeError, OSError) as error:
            cause = _in_short(error)
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)  # jgo leaves what it had
            continue
        if sha256_of(arrived) == jar.sha256:
            arrived.replace(target / jar.file_name)
            return
        cause = "what came is not what jars.lock names"
        arrived.unlink()
    raise OperationError(f"cannot fetch {jar.coordinate}: {cause}")


def _in_short(error: Exception) -> str:
    if isinstance(error, requests.exceptions.ProxyError):
        return "no way to the Maven repository through the proxy"
    if isinstance(error, requests.exceptions.SSLError):
        return "the repository's certificate is not trusted here"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the Maven repository"
    return str(error)


def _each_file(
    advance: Callable[[int], None],
) -> Callable[[str, int], AbstractContextManager[Callable[[int], None]]]:
    @contextmanager
    def callback(_file: str, _size_bytes: int) -> Iterator[Callable[[int], None]]:
        yield advance

    return callback
