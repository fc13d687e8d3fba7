"""Where tests get their databases from: a SQLite file, and a PostgreSQL of their own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.support.waiting import eventually

_INSTALLED = Path("/usr/lib/postgresql")
_START_S = 60
_ROLE = "hookline"


@contextmanager
def a_postgresql() -> Iterator[str]:
    """The address of a PostgreSQL on a socket; skips, with the reason, when there is none."""
    programs = _programs()
    # Not pytest's: its folders are closed to the user that the server has to run as.
    folder = Path(tempfile.mkdtemp(prefix="hookline-postgresql-"))
    who = _unprivileged(folder)
    try:
        options = ("--auth=trust", f"--username={_ROLE}", "--encoding=UTF8", "--no-sync")
        made = [programs / "initdb", "--pgdata", folder / "data", *options]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **who)
        with _running(programs, folder, who) as server:
            address = f"postgresql://{_ROLE}@/postgres?host={folder}"
            eventually(lambda: server.poll() is not None or _answers(address), _START_S)
            assert server.poll() is None, (folder / "log").read_text()
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def a_new_database(address: str) -> str:
    """The address of an empty database on a server."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return address.replace("/postgres?", f"/{name}?")


@contextmanager
def _running(programs: Path, folder: Path, who: dict[str, str]) -> Iterator[subprocess.Popen]:
    # Tests crash their recorders, never the machine: nothing need reach the disk.
    quick = ("-c", "fsync=off", "-c", "listen_addresses=", "-c", "max_connections=50")
    command = [programs / "postgres", "-D", folder / "data", "-k", folder, *quick]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **who)
    try:
        yield server
    finally:
        server.send_signal(signal.SIGINT)  # the signal that does not wait for who is connected
        server.wait(_START_S)


def _programs() -> Path:
    """The newest PostgreSQL's folder of programs."""
    found = [it.parent for it in _INSTALLED.glob("*/bin/initdb")]
    if not found:
        pytest.skip(f"no PostgreSQL under {_INSTALLED} (Debian: apt install postgresql)")
    return max(found, key=lambda folder: int(folder.parent.name))


def _unprivileged(folder: Path) -> dict[str, str]:
    """Whom to run as, since a PostgreSQL refuses to run as root; the folder becomes theirs."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, name)
    return {"user": name}


def _answers(address: str) -> bool:
    try:
        psycopg.connect(address, connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True
