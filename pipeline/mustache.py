"""Mustache templates read into a tree: linear in their length, and every fault with its place.

All of core Mustache is read: values, sections, inverted sections, comments, partials, changed
delimiters, and lines that hold nothing but one such tag and leave no trace. Not read are the
optional parts (inheritance, lambdas, dynamic names).

The tokenizer is our own because chevron's keeps its state in globals, knows no columns, does not
say whether a partial stands alone on its line, copies the rest of the template at every tag and
raises IndexError on `{{}}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from pipeline.mustache_tree import (
    Flaw,
    LineStart,
    Node,
    Partial,
    Section,
    Template,
    Text,
    Value,
    place_of,
)

__all__ = ["Flaw", "LineStart", "Node", "Partial", "Section", "Template", "Text", "Value", "parse"]

# A request body of tens of kilobytes is written by a program, not by a template.
TEMPLATE_BYTES_MAX: Final = 64 * 1024
# An activity has some 150 fields; ten times that, and tags around them.
TAGS_MAX: Final = 2_000
# Sections inside sections; the deepest activity has five levels.
SECTION_DEPTH_MAX: Final = 32
# The bound of paths in filters and mappings.
NAME_CHARACTERS_MAX: Final = 256
# A person mends some and saves again.
FLAWS_MAX: Final = 20
# Trees held: one of 2,000 tags takes about a megabyte, an ordinary one some ten kilobytes.
TREES_MAX: Final = 128

_SIGILS: Final = frozenset("#^/>!=&{$<")
# Tags that print nothing themselves take their line with them when they stand on it alone.
_MAY_STAND_ALONE: Final = frozenset("#^/>!=")
_CLOSERS: Final = {"{": "}", "=": "="}
_REST_OF_LINE: Final = re.compile(r"[ \t]*+(?:\r?\n|\Z)")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


@lru_cache(maxsize=TREES_MAX)
def parse(source: str) -> Template:
    """The template in `source`; what is wrong with it is in its flaws."""
    surrogate = _SURROGATE.search(source)
    if surrogate:
        return _refused(source, "a lone surrogate, which no text may hold", surrogate.start())
    size_bytes = len(source.encode())
    if size_bytes > TEMPLATE_BYTES_MAX:
        message = f"{size_bytes} bytes, more than the {TEMPLATE_BYTES_MAX} a template may have"
        return _refused(source, message, 0)
    parser = _Parser(source)
    parser.run()
    flaws = tuple(Flaw(message, *place_of(source, at)) for at, message in parser.flaws)
    nodes = () if flaws else tuple(parser.levels[0].children)
    return Template(source, nodes, flaws, tuple(parser.partials))


def _refused(source: str, message: str, at: int) -> Template:
    return Template("", (), (Flaw(message, *place_of(source, at)),), ())


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag from `start` to `end`; `sigil` is its first character when that says its kind."""

    sigil: str
    content: str
    start: int
    end: int


_NO_TAG: Final = _Tag("", "", 0, 0)


@dataclass(slots=True)
class _Level:
    """A section whose end has not come yet, or the template itself."""

    tag: _Tag = _NO_TAG
    steps: tuple[str, ...] = ()
    children: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class _Parser:
    source: str
    opening: str = "{{"
    closing: str = "}}"
    position: int = 0
    # Whether a line begins at `position`: nothing of it has been read yet.
    is_fresh: bool = True
    tags: int = 0
    levels: list[_Level] = field(default_factory=lambda: [_Level()])
    flaws: list[tuple[int, str]] = field(default_factory=list)
    partials: list[Partial] = field(default_factory=list)

    def run(self) -> None:
        """Read all of it, or as far as it can be understood."""
        while (start := self.source.find(self.opening, self.position)) >= 0:
            tag = self._tag(start)
            if tag is None:
                return
            self._take(tag, self._text_before(tag))
            if len(self.flaws) >= FLAWS_MAX:
                return
        self._text(len(self.source))
        for level in self.levels[1 : FLAWS_MAX + 1]:
            self._flaw(level.tag, f"{_shown(level.tag)} is never closed")

    def _tag(self, start: int) -> _Tag | None:
        """The tag that begins at `start`; None when nothing after it can be read."""
        self.tags += 1
        if self.tags > TAGS_MAX:
            self.flaws.append((start, f"more than {TAGS_MAX} tags"))
            return None
        inside = start + len(self.opening)
        sigil = self.source[inside : inside + 1]
        sigil = sigil if sigil in _SIGILS else ""
        closing = _CLOSERS.get(sigil, "") + self.closing
        begin = inside + len(sigil)
        end = self.source.find(closing, begin)
        if end < 0:
            self.flaws.append((start, f"the tag is never closed: no {closing} follows"))
            return None
        return _Tag(sigil, self.source[begin:end], start, end + len(closing))

    def _text_before(self, tag: _Tag) -> str | None:
        """Take the text before a tag; returns its indentation when it stands alone on its line."""
        newline = self.source.rfind("\n", self.position, tag.start)
        is_line = newline >= 0 or self.is_fresh
        begin = newline + 1 if newline >= 0 else self.position
        indentation = self.source[begin : tag.start]
        if is_line and tag.sigil in _MAY_STAND_ALONE and not indentation.strip(" \t"):
            rest = _REST_OF_LINE.match(self.source, tag.end)
            if rest:
                self._text(begin)
                self.position, self.is_fresh = rest.end(), True
                return indentation
        self._text(tag.start)
        if is_line and begin == tag.start:
            self.levels[-1].children.append(LineStart(tag.start))
        self.position, self.is_fresh = tag.end, False
        return None

    def _text(self, end: int) -> None:
        if end > self.position:
            text = self.source[self.position : end]
            self.levels[-1].children.append(Text(self.position, text, self.is_fresh))

    def _take(self, tag: _Tag, indentation: str | None) -> None:
        if tag.sigil == "!":
            return
        if tag.sigil == "=":
            self._change_delimiters(tag)
        elif tag.sigil in {"$", "<"}:
            self._flaw(tag, f"{tag.sigil} is Mustache's inheritance, which is not supported")
        elif tag.sigil == ">":
            self._take_partial(tag, indentation)
        elif (steps := self._steps(tag)) is not None:
            self._take_name(tag, steps)

    def _take_name(self, tag: _Tag, steps: tuple[str, ...]) -> None:
        if tag.sigil == "/":
            self._close(tag, steps)
        elif tag.sigil in {"#", "^"}:
            if len(self.levels) > SECTION_DEPTH_MAX:
                self._flaw(tag, f"sections nest deeper than {SECTION_DEPTH_MAX}")
            self.levels.append(_Level(tag, steps))
        else:
            self.levels[-1].children.append(Value(tag.start, steps, tag.sigil != ""))

    def _take_partial(self, tag: _Tag, indentation: str | None) -> None:
        name = self._name(tag)
        if name is not None:
            partial = Partial(tag.start, name, indentation)
            self.levels[-1].children.append(partial)
            self.partials.append(partial)

    def _close(self, tag: _Tag, steps: tuple[str, ...]) -> None:
        level = self.levels[-1]
        if level.tag is _NO_TAG:
            self._flaw(tag, f"{_shown(tag)} closes no section")
            return
        if level.steps != steps:
            line, _ = place_of(self.source, level.tag.start)
            self._flaw(tag, f"{_shown(tag)} where {_shown(level.tag)} of line {line} is open")
        del self.levels[-1]
        is_inverted = level.tag.sigil == "^"
        section = Section(level.tag.start, level.steps, is_inverted, tuple(level.children))
        self.levels[-1].children.append(section)

    def _change_delimiters(self, tag: _Tag) -> None:
        pair = tag.content.split()
        if len(pair) != 2 or "=" in tag.content:  # noqa: PLR2004 - two make a pair
            self._flaw(tag, "delimiters are changed as in {{=<% %>=}}: two, without =, and a blank")
            return
        self.opening, self.closing = pair

    def _steps(self, tag: _Tag) -> tuple[str, ...] | None:
        name = self._name(tag)
        if name is None:
            return None
        steps = () if name == "." else tuple(name.split("."))
        if "" in steps:
            self._flaw(tag, f"{name!r} is not a name: a step between its dots is empty")
            return None
        return steps

    def _name(self, tag: _Tag) -> str | None:
        name = tag.content.strip()
        message = _fault_of(name)
        if message is None:
            return name
        self._flaw(tag, message)
        return None

    def _flaw(self, tag: _Tag, message: str) -> None:
        self.flaws.append((tag.start, message))


def _fault_of(name: str) -> str | None:
    if not name:
        return "the tag is empty"
    if len(name) > NAME_CHARACTERS_MAX:
        return f"a name has at most {NAME_CHARACTERS_MAX} characters, not {len(name)}"
    if len(name.split()) > 1:
        return f"{name!r} is not a name: it has a blank"
    if name[0] in _SIGILS:
        return f"{name!r} is not a name: {name[0]} stands directly behind the opening delimiter"
    return None


def _shown(tag: _Tag) -> str:
    return f"{{{{{tag.sigil}{tag.content.strip()}}}}}"
