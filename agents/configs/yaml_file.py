"""A YAML (or JSON) file read into plain values, with the line of each of them for error messages.

Built from the parser's events rather than with PyYAML's loader, for four reasons: duplicate keys
are refused, aliases cannot blow up, nesting is bounded without recursion, and scalars mean what
they do in JSON. In YAML 1.1 the key `on` is a boolean, `12:30` a number and `+15551234567` too; a
plain scalar here is null, true, false, a JSON number, or text.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from agents.errors import OperationError
from schemas.codec import Fault

FILE_BYTES_MAX: Final = 8 * 1024 * 1024
# More values than 8 MiB of accounts and webhooks hold, also when aliases repeat some of them.
NODES_MAX: Final = 2_000_000
# As deep as a record may be, and some for the lists around it.
DEPTH_MAX: Final = 64

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times as fast
_WORDS: Final = {"": None, "null": None, "~": None, "true": True, "false": False}
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class YamlFault(ValueError):  # noqa: N818 - it names the file's fault, not ours
    """The file is not YAML that we read; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        """Hold where and what."""
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(slots=True)
class Node:
    """A value with the line it begins on; `size` counts the values in it, aliases expanded."""

    line: int
    value: Any
    size: int = 1

    def plain(self) -> Any:  # noqa: ANN401 - JSON can be anything
        """The value without lines, as `json.loads` would give it."""
        if isinstance(self.value, dict):
            return {name: inner.plain() for name, inner in self.value.items()}
        if isinstance(self.value, list):
            return [inner.plain() for inner in self.value]
        return self.value

    def line_of(self, path: str) -> int:
        """The line of the value at a fault's path, or of the nearest value around it."""
        node = self
        for index, name in _STEP.findall(path):
            inner = _inner(node.value, index, name)
            node = node if inner is None else inner
        return node.line


@dataclass(slots=True)
class _Open:
    """A list or an object whose end has not come yet."""

    node: Node
    anchor: str | None
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    root: Node | None = None

    def take(self, event: Any) -> None:  # noqa: ANN401 - PyYAML has no types
        line = event.start_mark.line + 1
        if isinstance(event, yaml.CollectionStartEvent):
            self._open(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self.stack.pop()
            self._add(done.node, done.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, line)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise YamlFault(line, "the file holds more than one document")

    def _open(self, event: Any, line: int) -> None:  # noqa: ANN401 - PyYAML has no types
        self._refuse_key(line)
        if event.tag not in (None, "!"):
            raise YamlFault(line, f"tags such as {event.tag[:60]} are not supported")
        if len(self.stack) >= DEPTH_MAX:
            raise YamlFault(line, f"nested deeper than {DEPTH_MAX} levels")
        empty: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.stack.append(_Open(Node(line, empty), event.anchor))

    def _scalar(self, event: Any, line: int) -> None:  # noqa: ANN401 - PyYAML has no types
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            raise YamlFault(line, f"tags such as {event.tag[:60]} are not supported")
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.node.value, dict) and top.key is None:
            top.key = _key(event.value, top.node, line)
            return
        is_plain = event.implicit[0] and not event.tag
        self._add(Node(line, _scalar(event.value, line) if is_plain else event.value), event.anchor)

    def _alias(self, anchor: str | None, line: int) -> None:
        self._refuse_key(line)
        if anchor is None or anchor not in self.anchors:
            raise YamlFault(line, f"*{anchor} stands for nothing that is complete at this point")
        self._add(self.anchors[anchor], None)

    def _refuse_key(self, line: int) -> None:
        """Called where a value begins that is not a scalar."""
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.node.value, dict) and top.key is None:
            raise YamlFault(line, "a key must be text")

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if top.key is None:
            top.node.value.append(node)
        else:
            top.node.value[top.key] = node
            top.key = None
        top.node.size += node.size
        if top.node.size > NODES_MAX:
            raise YamlFault(node.line, f"more than {NODES_MAX} values, with aliases expanded")


def read_source(name: str) -> bytes:
    """The bytes of a file, or of standard input for `-`; raises `OperationError`."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise OperationError(f"cannot read {name}: {error.strerror}") from None
    if len(data) > FILE_BYTES_MAX:
        raise OperationError(f"{name} is larger than {FILE_BYTES_MAX // 2**20} MiB; split it")
    return data


def parse_yaml(data: bytes) -> Node:
    """The document in `data`; raises `YamlFault` at the first thing that is not readable."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlFault(line, "not UTF-8 text") from None
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else min(mark.line + 1, len(text.splitlines()))
        raise YamlFault(line, f"not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise YamlFault(1, f"not YAML: {str(error).splitlines()[0]}") from None
    return builder.root or Node(1, None)


def located(faults: list[Fault], root: Node) -> list[tuple[int, Fault]]:
    """Each fault with its line, in the order of the file."""
    return sorted(
        ((root.line_of(fault.field), fault) for fault in faults), key=lambda pair: pair[0]
    )


def _key(text: str, parent: Node, line: int) -> str:
    if text == "<<":
        raise YamlFault(line, "merge keys (<<) are not supported; write the fields out")
    if text in parent.value:
        first = parent.value[text].line
        raise YamlFault(line, f"{text[:60]!r} is given twice; the first is on line {first}")
    return text


def _scalar(text: str, line: int) -> object:
    """What a plain scalar means, as in JSON."""
    if text in _WORDS:
        return _WORDS[text]
    try:
        if _INTEGER.fullmatch(text):
            return int(text)
    except ValueError:  # over 4,300 digits
        raise YamlFault(line, "a number is too long") from None
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise YamlFault(line, f"{text[:60]} is too large for a number")
        return number
    return text


def _inner(value: object, index: str, name: str) -> Node | None:
    if index:
        is_there = isinstance(value, list) and int(index) < len(value)
        return value[int(index)] if is_there and isinstance(value, list) else None
    if isinstance(value, dict):
        # A fault of `url` may be one of what was written as `weburl`.
        return value.get(name) or (value.get("weburl") if name == "url" else None)
    return None
