"""Write the documents under `schemas/json/`: `python -m schemas.generate`, or `--check` them.

They are checked in so that other systems can read them without running any of this.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from schemas.asyncapi import asyncapi
from schemas.json_schemas import RECORDS, json_schema

DIRECTORY: Final = Path(__file__).parent / "json"


def documents() -> dict[str, str]:
    """Each file's name and its text."""
    found = {name: json_schema(name) for name in RECORDS} | {"asyncapi": asyncapi()}
    return {
        f"{name}.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for name, document in found.items()
    }


def outdated(directory: Path) -> list[str]:
    """The files in `directory` that are missing, say something else, or belong to no record."""
    wanted = documents()
    there = {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*.json")}
    return sorted(name for name in wanted | there if wanted.get(name) != there.get(name))


def write(directory: Path) -> None:
    """Bring `directory` up to date, touching only what changes."""
    directory.mkdir(exist_ok=True)
    wanted = documents()
    for name in outdated(directory):
        if name in wanted:
            (directory / name).write_text(wanted[name], encoding="utf-8")
        else:
            (directory / name).unlink()


def main(arguments: list[str], directory: Path = DIRECTORY) -> int:
    """Write, or with `--check` only compare; the exit code is 0 when all is current."""
    match arguments:
        case []:
            write(directory)
            return 0
        case ["--check"]:
            return _report(outdated(directory))
        case _:
            sys.stderr.write("usage: python -m schemas.generate [--check]\n")
            return 2


def _report(names: list[str]) -> int:
    if names:
        sys.stderr.write(f"not current: {', '.join(names)}; run python -m schemas.generate\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
