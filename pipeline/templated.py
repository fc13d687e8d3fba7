"""Which fields of an activity a template is about, as far as can be told without an activity.

Inside a section a name may be one of what the section is about, so only names that stand outside
of any are told, the sections' own among them. An inverted section changes nothing for its names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.fields import ActivityField
from pipeline.mustache import Node, Section, Template, Value, parse
from pipeline.paths import Path


def templates_of(template: str, snippets: Mapping[str, str]) -> Iterator[Template]:
    """The template and the snippets it takes in, directly or not, each once."""
    sources = [template]
    for source in sources:  # grows while it is read
        parsed = parse(source)
        yield parsed
        taken_in = (snippets[each.name] for each in parsed.partials if each.name in snippets)
        sources.extend(each for each in dict.fromkeys(taken_in) if each not in sources)


def outer_fields(nodes: tuple[Node, ...]) -> Iterator[ActivityField]:
    """The fields that a template names outside of its sections."""
    for node in nodes:
        if isinstance(node, Value | Section) and node.steps:
            text = ".".join(node.steps)
            yield ActivityField(text, (Path(text, node.steps),), is_phone=False)
        if isinstance(node, Section) and node.is_inverted:
            yield from outer_fields(node.children)
