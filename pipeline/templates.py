"""Templates rendered with an activity: core Mustache, bounded, escaped for where the text goes.

A name finds keys of objects and positions of lists (`items.0.name`) and nothing else: there are no
attributes, functions or files to reach. Its first step is looked for from the innermost context
outwards, the rest strictly inside what that found. Inside a list `-first`, `-last` and `-index`
(from 0) say where it is. Null, false, "" and empty lists are false; 0 and {} are true.

Work is bounded by the template and the output: every step taken is counted, and so is every byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import pydantic_core

from pipeline.escaping import Mode, Unwritable, mode_of, written
from pipeline.json_places import WITHIN, JsonPlaces
from pipeline.mustache import SECTION_DEPTH_MAX, parse
from pipeline.mustache_tree import Node, Partial, Section, Template, Text, Value, place_of
from schemas.codec import Fault

__all__ = ["Mode", "RenderError", "check", "checked", "mode_of", "render", "render_body"]

# As large as an event may be; receivers refuse larger bodies by default (nginx above 1 MiB).
OUTPUT_BYTES_MAX: Final = 1024 * 1024
# Snippets in snippets: enough for a page made of parts, and an end to one that includes itself.
PARTIAL_DEPTH_MAX: Final = 8
# Steps before anything is printed: each of 2,000 tags 25 times, about 50 ms.
STEPS_FREE: Final = 50_000
# Each byte printed earns one more: a loop that prints a digit and a comma takes four for two.
STEPS_PER_BYTE: Final = 2

NO_PARTIALS: Final[Mapping[str, str]] = MappingProxyType({})
_POSITIONS: Final = frozenset({"-first", "-last", "-index"})
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_LINE_TO_INDENT: Final = re.compile(r"\n(?=[^\r\n])")


class RenderError(ValueError):
    """A template that cannot be rendered: why, and the line and column (from 1) where."""

    def __init__(self, message: str, line: int, column: int) -> None:
        """Hold what and where."""
        super().__init__(f"line {line}, column {column}: {message}")
        self.message = message
        self.line = line
        self.column = column


def render(
    template: str, data: object, *, mode: Mode, partials: Mapping[str, str] = NO_PARTIALS
) -> str:
    """The text of `template` with `data`, any JSON value, as its context; raises `RenderError`.

    `partials` are the templates that `{{>name}}` names; a name that is not there prints nothing.
    """
    return _rendered(_Rendering(mode, partials, [data], parse(template)))


def render_body(
    template: str, data: object, *, mode: Mode, partials: Mapping[str, str] = NO_PARTIALS
) -> str:
    """What `render` gives when it is all of a body: JSON is parsed; raises `RenderError`."""
    rendering = _Rendering(mode, partials, [data], parse(template), JsonPlaces(WITHIN))
    return checked(_rendered(rendering), mode)


def checked(text: str, mode: Mode) -> str:
    """The rendered text; raises `RenderError` with a place in it when it is not what it must be."""
    if mode == "json":
        try:
            pydantic_core.from_json(text, allow_inf_nan=False)
        except ValueError as error:
            raise _broken(text, str(error)) from None
    return text


def check(template: str) -> tuple[Fault, ...]:
    """Everything that is wrong with a template or a snippet, before it is kept."""
    return tuple(
        Fault("", f"line {flaw.line}, column {flaw.column}: {flaw.message}")
        for flaw in parse(template).flaws
    )


def _rendered(rendering: _Rendering) -> str:
    rendering.run()
    return "".join(rendering.pieces)


def _broken(text: str, said: str) -> RenderError:
    """The error for a result that is not JSON, its column counted in characters."""
    why, _, place = said.rpartition(" at line ")
    line, column_bytes = map(int, place.split(" column "))
    before = text.split("\n")[line - 1].encode()[: max(0, column_bytes - 1)]
    column = len(before.decode(errors="ignore")) + 1
    return RenderError(f"the result is not JSON: {why}", line, column)


@dataclass(slots=True)
class _Rendering:
    """One rendering: what is printed, and where in the template and in the data it has come to."""

    mode: Mode
    sources: Mapping[str, str]
    contexts: list[object]
    template: Template
    places: JsonPlaces = field(default_factory=JsonPlaces)
    pieces: list[str] = field(default_factory=list)
    # Index and length of each list around, the innermost last.
    positions: list[tuple[int, int]] = field(default_factory=list)
    # The partials around, the innermost last, and the trees of those used so far.
    names: list[str] = field(default_factory=list)
    trees: dict[str, Template] = field(default_factory=dict)
    indentation: str = ""
    bytes_printed: int = 0
    steps: int = 0
    section_depth: int = 0

    def run(self) -> None:
        """Print the template with what is around; its flaws are errors now."""
        if self.template.flaws:
            flaw = self.template.flaws[0]
            raise RenderError(self._where(flaw.message), flaw.line, flaw.column)
        self._block(self.template.nodes)

    def _block(self, nodes: tuple[Node, ...]) -> None:
        for node in nodes:
            self._step(node)
            if isinstance(node, Text):
                self._text(node)
            elif isinstance(node, Value):
                self._value(node)
            elif isinstance(node, Section):
                self._section(node)
            elif isinstance(node, Partial):
                self._partial(node)
            else:
                self._print(self.indentation, node)

    def _step(self, node: Node) -> None:
        self.steps += 1
        if self.steps > STEPS_FREE + self.bytes_printed * STEPS_PER_BYTE:
            message = f"the template loops: {self.steps} steps for {self.bytes_printed} bytes"
            raise self._error(message, node)

    def _text(self, node: Text) -> None:
        text = node.text
        if self.indentation:
            self._check_room(len(text) + text.count("\n") * len(self.indentation), node)
            text = _LINE_TO_INDENT.sub(f"\n{self.indentation}", text)
            if node.starts_line and text[0] not in "\r\n":
                text = self.indentation + text
        self._print(text, node)
        if self.mode == "json":
            self.places.pass_over(node.text)

    def _value(self, node: Value) -> None:
        value = self._find(node.steps)
        if isinstance(value, str):  # no kind of escaping makes a text shorter
            self._check_room(len(value), node)
        try:
            text = written(value, self.mode, is_raw=node.is_raw)
        except Unwritable as unwritable:
            raise self._error(str(unwritable), node) from None
        if self.mode == "json":
            refusal = self.places.refusal(value, text, is_raw=node.is_raw)
            if refusal:
                raise self._error(refusal, node)
        self._print(text, node)

    def _section(self, node: Section) -> None:
        value = self._find(node.steps)
        is_false = value is None or value is False or value in ("", [])
        if is_false is not node.is_inverted:
            return
        self.section_depth += 1
        if self.section_depth > SECTION_DEPTH_MAX:
            raise self._error(f"sections nest deeper than {SECTION_DEPTH_MAX}", node)
        if node.is_inverted or self._is_position(node.steps):
            self._block(node.children)
        elif isinstance(value, list):
            self._each(node, value)
        else:
            self.contexts.append(value)
            self._block(node.children)
            self.contexts.pop()
        self.section_depth -= 1

    def _each(self, node: Section, items: list[object]) -> None:
        self.positions.append((0, len(items)))
        self.contexts.append(None)
        for index, item in enumerate(items):
            self._step(node)
            self.positions[-1] = (index, len(items))
            self.contexts[-1] = item
            self._block(node.children)
        self.contexts.pop()
        self.positions.pop()

    def _partial(self, node: Partial) -> None:
        if node.name not in self.sources:
            return
        if len(self.names) >= PARTIAL_DEPTH_MAX:
            raise self._error(f"partials nest deeper than {PARTIAL_DEPTH_MAX}", node)
        if node.name not in self.trees:
            self.trees[node.name] = parse(self.sources[node.name])
        outer = self.template, self.indentation
        alone = node.indentation is not None
        self.indentation = f"{self.indentation}{node.indentation}" if alone else ""
        self.template = self.trees[node.name]
        self.names.append(node.name)
        self.run()
        self.names.pop()
        self.template, self.indentation = outer

    def _print(self, text: str, node: Node) -> None:
        size_bytes = len(text) if text.isascii() else len(text.encode())
        self._check_room(size_bytes, node)
        self.bytes_printed += size_bytes
        self.pieces.append(text)

    def _check_room(self, size_bytes: int, node: Node) -> None:
        if self.bytes_printed + size_bytes > OUTPUT_BYTES_MAX:
            raise self._error(f"the result is larger than {OUTPUT_BYTES_MAX} bytes", node)

    def _find(self, steps: tuple[str, ...]) -> object:
        """The value of a name; None when there is none."""
        if not steps:
            return self.contexts[-1]
        if self._is_position(steps):
            index, length = self.positions[-1]
            return {"-first": index == 0, "-last": index == length - 1, "-index": index}[steps[0]]
        value: object = None
        for context in reversed(self.contexts):
            is_here, value = _at(context, steps[0])
            if is_here:
                break
        for step in steps[1:]:
            _, value = _at(value, step)
        return value

    def _is_position(self, steps: tuple[str, ...]) -> bool:
        return len(steps) == 1 and steps[0] in _POSITIONS and bool(self.positions)

    def _error(self, message: str, node: Node) -> RenderError:
        return RenderError(self._where(message), *place_of(self.template.source, node.at))

    def _where(self, message: str) -> str:
        return f"in the snippet {self.names[-1]!r}: {message}" if self.names else message


def _at(value: object, step: str) -> tuple[bool, object]:
    """Whether there is something at a key or a position, and what."""
    if isinstance(value, dict):
        return step in value, value.get(step)
    if isinstance(value, list) and _INDEX.fullmatch(step) and int(step) < len(value):
        return True, value[int(step)]
    return False, None
