import hashlib
import os
import threading
from pathlib import Path

import pytest
import requests

from agents.broker import maven
from agents.broker.jars import JarCache, cache_directory
from agents.broker.lock import Jar, Lock
from agents.broker.progress import silent
from agents.errors import OperationError

CONTENT = b"not really a jar"


def a_jar(name: str, content: bytes = CONTENT) -> Jar:
    return Jar("org.example", name, "1.0", len(content), hashlib.sha256(content).hexdigest())


class Repository:
    """Stands for Maven: puts into the staging directory what it has, and counts."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.online = True
        self.fetched: list[str] = []

    def download(self, artifact) -> Path:
        if not self.online:
            raise requests.ConnectionError("unreachable")
        self.fetched.append(artifact.artifactId)
        artifact.cached_path.parent.mkdir(parents=True, exist_ok=True)
        artifact.cached_path.write_bytes(self.content)
        return artifact.cached_path


@pytest.fixture
def repository(monkeypatch) -> Repository:
    repository = Repository()
    monkeypatch.setattr(maven, "PythonResolver", lambda **_: repository)
    return repository


@pytest.fixture
def lock() -> Lock:
    return Lock((a_jar("one"), a_jar("two")))


@pytest.fixture
def cache(tmp_path, lock, repository) -> JarCache:  # noqa: ARG001 - it is never the real one
    return JarCache(tmp_path / "broker", lock)


def files(cache: JarCache) -> list[Path]:
    return [Path(name) for name in cache.class_path.split(os.pathsep)]


def test_what_is_missing_is_fetched_once(cache, repository):
    cache.fill(silent)
    cache.fill(silent)

    assert sorted(repository.fetched) == ["one", "two"]
    assert [path.read_bytes() for path in files(cache)] == [CONTENT, CONTENT]


def test_a_filled_cache_needs_no_network(cache, repository):
    cache.fill(silent)
    repository.online = False

    cache.fill(silent)


def test_an_empty_cache_without_network_is_an_operation_error(cache, repository):
    repository.online = False

    with pytest.raises(OperationError, match=r"no connection.*HOOKLINE_BOOTSTRAP_SERVERS"):
        cache.fill(silent)


def test_a_jar_that_is_not_the_locked_one_never_enters_the_cache(cache, repository):
    repository.content = b"something else entirely"

    with pytest.raises(OperationError, match="what came is not what"):
        cache.fill(silent)
    assert not any(path.exists() for path in files(cache))


def test_a_jar_that_was_damaged_is_fetched_again(cache, repository):
    cache.fill(silent)
    files(cache)[1].write_bytes(CONTENT[::-1])  # the same size
    repository.fetched.clear()

    cache.fill(silent)

    assert repository.fetched == ["two"]
    assert files(cache)[1].read_bytes() == CONTENT


def test_a_repaired_jar_makes_the_class_archive_void(cache):
    cache.fill(silent)
    cache.archive.write_bytes(b"classes")
    files(cache)[0].unlink()

    cache.fill(silent)

    assert not cache.archive.exists()


def test_a_lost_stamp_costs_a_look_and_no_fetch(cache, repository, tmp_path):
    cache.fill(silent)
    next((tmp_path / "broker").glob("*.stamp.json")).write_text("garbage")
    repository.fetched.clear()

    cache.fill(silent)

    assert repository.fetched == []


def test_what_a_killed_process_was_fetching_is_removed(cache, tmp_path):
    abandoned = tmp_path / "broker" / "staging-abandoned"
    abandoned.mkdir(parents=True)

    cache.fill(silent)

    assert not list((tmp_path / "broker").glob("staging-*"))


def test_two_at_once_fetch_each_jar_once(tmp_path, lock, repository):
    caches = [JarCache(tmp_path / "broker", lock) for _ in range(4)]
    threads = [threading.Thread(target=cache.fill, args=(silent,)) for cache in caches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(repository.fetched) == ["one", "two"]


def test_a_place_that_cannot_be_written_is_an_operation_error(tmp_path, lock):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(OperationError, match="cannot keep the broker's jars"):
        JarCache(tmp_path / "file" / "broker", lock).fill(silent)


@pytest.mark.parametrize("given", [{}, {"XDG_CACHE_HOME": ""}, {"XDG_CACHE_HOME": "relative"}])
def test_the_cache_is_under_home_unless_xdg_says_otherwise(given):
    assert cache_directory(given) == Path.home() / ".cache/hookline/broker"
    assert cache_directory({"XDG_CACHE_HOME": "/x"}) == Path("/x/hookline/broker")
