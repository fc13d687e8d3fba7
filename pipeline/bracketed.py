"""Fields of a form whose names have brackets: `contact[phones][0][number]`, `tags[]`.

They mean what they mean to PHP and Rails: a name is a key, `[]` another element, and in a list of
objects an object is at an end when one of its keys comes again. Objects whose keys are 0, 1, 2 …
are lists. A name whose brackets do not match is a plain one, and a plain name that comes again
makes a list, as choices of a web page do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final

from schemas.codec import Fault, Malformed

# Forms of real pages have four at most.
BRACKETS_MAX: Final = 16

_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_KEY: Final = re.compile(r"\[([^\[\]]*)\]")
_BOTH: Final = "is a group of fields and a value at the same time"


class _Group(dict[str, Any]):
    """Fields that names with brackets led to; a value that is an object is none."""


class _Repeated(list[Any]):
    """The values of a name that came more than once."""


def nested(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The fields as objects and lists; raises `Malformed` for names that contradict each other."""
    root = _Group()
    for name, value in pairs:
        _put(root, name, value)
    return {name: _settled(value) for name, value in root.items()}


def _put(root: _Group, name: str, value: object) -> None:
    match = _NAME.fullmatch(name)
    keys = (name,) if match is None else (match[1], *_KEY.findall(match[2]))
    if len(keys) > BRACKETS_MAX:
        raise _malformed(name, f"has more than {BRACKETS_MAX} keys")
    here = root
    for key, following in pairwise(keys):
        inner = here.setdefault(key or _element(here, following), _Group())
        if not isinstance(inner, _Group):
            raise _malformed(name, _BOTH)
        here = inner
    last = keys[-1] or str(len(here))
    if last not in here:
        here[last] = value
    elif isinstance(here[last], _Group):
        raise _malformed(name, _BOTH)
    elif isinstance(here[last], _Repeated):
        here[last].append(value)
    else:
        here[last] = _Repeated([here[last], value])


def _element(here: _Group, following: str) -> str:
    """The element that `[]` means before another key: the last one while it lacks that key."""
    last = str(len(here) - 1)
    inner = here.get(last)
    is_open = following and isinstance(inner, _Group) and following not in inner
    return last if is_open else str(len(here))


def _settled(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The value with lists where keys count, and nothing of ours in it."""
    if isinstance(value, _Repeated):
        return [*value]
    if not isinstance(value, _Group):
        return value
    inner = {key: _settled(each) for key, each in value.items()}
    is_list = [*inner] == [str(index) for index in range(len(inner))]
    return [*inner.values()] if is_list else inner


def _malformed(name: str, message: str) -> Malformed:
    return Malformed((Fault(name[:100], message),))
