"""A path finds one value in a JSON document: `a.b[0]["odd key"]`, and `[key=value]` in a list.

Paths are written by customers, so the grammar can only look things up in dictionaries and lists:
no attributes, no wildcards, no expressions, and a bounded length. What is missing is None, as null
is: no rule of ours tells the two apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from schemas.codec import Fault, Malformed

PATH_CHARACTERS_MAX: Final = 256
# The deepest field of a real activity has five steps.
STEPS_MAX: Final = 16

_QUOTED: Final = r'"(?:[^"\\]|\\["\\])*"'
_STEP: Final = re.compile(
    rf"""\.?(?P<name>[\w$@:-]+)
       | \[ (?P<index>[0-9]{{1,6}}) \]
       | \[ (?P<quoted>{_QUOTED}) \]
       | \[ (?P<pick>[\w$@:-]+) = (?P<wanted>{_QUOTED}|[^\]"]*) \]""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Pick:
    """The first object of a list whose `key` has the text `value`."""

    key: str
    value: str


Step: TypeAlias = str | int | Pick


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path; `text` is how it was written."""

    text: str
    steps: tuple[Step, ...]

    def find(self, document: object) -> Any:  # noqa: ANN401 - JSON can be anything
        """The value at this path of a JSON document, or None when there is none."""
        value = document
        for step in self.steps:
            value = _at(value, step)
            if value is None:
                return None
        return value

    @property
    def only_name(self) -> str | None:
        """The name when the path is a single name, else None."""
        first = self.steps[0]
        return first if len(self.steps) == 1 and isinstance(first, str) else None


def compile_path(text: str) -> Path:
    """The path that `text` describes; raises `Malformed`."""
    if len(text) > PATH_CHARACTERS_MAX:
        raise _malformed(f"a path has at most {PATH_CHARACTERS_MAX} characters, not {len(text)}")
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or not _joins(match, position):
            raise _malformed(f"not a path: {text!r} is not understood from character {position}")
        steps.append(_step(match))
        position = match.end()
    if not 0 < len(steps) <= STEPS_MAX:
        raise _malformed(f"a path has 1 to {STEPS_MAX} steps, not {len(steps)}")
    return Path(text, tuple(steps))


def as_text(value: object) -> str | None:
    """A scalar as JSON would show it, without quotes; None for what has no short text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_text(value)
    return None


def _number_text(value: float) -> str | None:
    try:
        return str(value)
    except ValueError:  # an integer of over 4,300 digits: Python refuses to spell it
        return None


def _joins(match: re.Match[str], position: int) -> bool:
    """A name follows a dot, except at the beginning, where no dot may stand."""
    return match["name"] is None or (match[0][0] == ".") == (position > 0)


def _step(match: re.Match[str]) -> Step:
    if match["index"] is not None:
        return int(match["index"])
    if match["quoted"] is not None:
        return _unquoted(match["quoted"])
    if match["pick"] is not None:
        return Pick(match["pick"], _unquoted(match["wanted"]))
    return match["name"]


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _at(value: object, step: Step) -> object:
    if isinstance(step, str):
        return value.get(step) if isinstance(value, dict) else None
    if not isinstance(value, list):
        return None
    if isinstance(step, int):
        return value[step] if step < len(value) else None
    return next((item for item in value if _is_picked(item, step)), None)


def _is_picked(item: object, pick: Pick) -> bool:
    return isinstance(item, dict) and as_text(item.get(pick.key)) == pick.value


def _malformed(message: str) -> Malformed:
    return Malformed((Fault("", message),))
