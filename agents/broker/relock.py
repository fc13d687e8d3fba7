"""Write jars.lock anew: resolve the broker's dependencies, fetch them, note what they are.

`python -m agents.broker.relock`, after changing a version here. Trust is on first use: whoever
runs it reads the difference before committing it.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from jgo.maven import Artifact, MavenContext

from agents.broker.lock import LOCK_FILE, Jar, Lock

# Kafka's server with what it needs at run time. `kafka-tools` (the console programs, and with them
# Connect, Jetty and Jersey) is not part of that.
_BROKER: Final = "org.apache.kafka:kafka_2.13:4.3.1"

# Kafka logs through slf4j and leaves the choice of what is behind it to its packager. Resolved
# together with the broker it would bring an older kafka-clients, so it is only added.
_LOGGING: Final = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"

_HEADER: Final = """\
# The embedded broker: coordinate, size in bytes, SHA-256. Written by agents/broker/relock.py.
"""


def resolve(cache: Path) -> Lock:
    """Fetch the newest fitting set into `cache`, a Maven repository directory."""
    context = MavenContext(repo_cache=cache)
    inputs, transitive = context.resolver.resolve([context.create_dependency(_BROKER)])
    logging = context.create_dependency(_LOGGING)
    artifacts = [dependency.artifact for dependency in [*inputs, *transitive, logging]]
    with ThreadPoolExecutor() as pool:
        return Lock(tuple(sorted(pool.map(_measured, artifacts), key=lambda jar: jar.coordinate)))


def main() -> None:
    """Resolve and overwrite the packaged lock."""
    with tempfile.TemporaryDirectory() as cache:
        lock = resolve(Path(cache))
    target = Path(__file__).with_name(LOCK_FILE)
    target.write_text(_HEADER + "".join(f"{jar}\n" for jar in lock.jars), "utf-8")
    sys.stdout.write(f"{target}: {len(lock.jars)} jars, {lock.size_bytes:,} bytes\n")


def _measured(artifact: Artifact) -> Jar:
    content = Path(artifact.resolve()).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return Jar(artifact.groupId, artifact.artifactId, artifact.version, len(content), sha256)


if __name__ == "__main__":
    main()
