"""What a Mustache template is once it is read: a tree of texts, values, sections and partials.

Every node knows its offset in the template, from which its line and column can be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is printed as it stands; `starts_line` when its first character begins a line."""

    at: int
    text: str
    starts_line: bool


@dataclass(frozen=True, slots=True)
class LineStart:
    """The beginning of a line whose first tag follows: where a partial's indentation goes."""

    at: int


@dataclass(frozen=True, slots=True)
class Value:
    """`{{name}}`, or with `is_raw` `{{{name}}}` and `{{&name}}`. No steps: `.`, the context."""

    at: int
    steps: tuple[str, ...]
    is_raw: bool


@dataclass(frozen=True, slots=True)
class Section:
    """`{{#name}}` to `{{/name}}`, or with `is_inverted` from `{{^name}}`."""

    at: int
    steps: tuple[str, ...]
    is_inverted: bool
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Partial:
    """`{{>name}}`; `indentation` is what stood before it when it has a line of its own."""

    at: int
    name: str
    indentation: str | None


Node: TypeAlias = Text | LineStart | Value | Section | Partial


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a template, and the line and column (from 1) where."""

    message: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Template:
    """A template as a tree. With flaws it has no nodes. A node's `at` is its offset in `source`."""

    source: str
    nodes: tuple[Node, ...]
    flaws: tuple[Flaw, ...]
    partials: tuple[Partial, ...]


def place_of(source: str, at: int) -> tuple[int, int]:
    """The line and the column of an offset, both from 1; columns count characters."""
    return source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)
