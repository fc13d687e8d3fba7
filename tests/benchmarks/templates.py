"""What reading and rendering a template cost in time and memory, for 500, 1,000 and 2,000 tags.

    python -m tests.benchmarks.templates

A template of 2,000 tags has 64 KiB, one of half the tags half of that: twice as much of everything
should cost twice as much. Exit code 1 when it costs more than three times as much.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import click

from pipeline.mustache import SECTION_DEPTH_MAX, TAGS_MAX, TEMPLATE_BYTES_MAX, parse
from pipeline.templates import render

TAGS = (500, 1_000, 2_000)
RUNS = 25
GROWTH_MAX = 3.0
LIST = 3
DATA = {"name": 'Ann "A" Ü\n', "o": {"p": {"q": 42}}, "l": ["x"] * LIST, "t": {}}


class Cost(NamedTuple):
    tags: int
    template_bytes: int
    parse_ms: float
    render_ms: float
    peak_kib: float


def unit(tags: int, text: str) -> str:
    """A piece of a template with that many tags, as long as its share of 64 KiB."""
    length = TEMPLATE_BYTES_MAX * tags // TAGS_MAX
    return "." * (length - len(text)) + text


DEPTH = SECTION_DEPTH_MAX - 1
NEST = unit(2 * DEPTH + 2, "{{#t}}" * DEPTH + "{{name}}{{o.p.q}}" + "{{/t}}" * DEPTH)
SHAPES = {
    "values": (unit(1, "{{name}}"), 1),
    "values of objects in objects": (unit(1, "{{{o.p.q}}}"), 1),
    f"lists of {LIST}": (unit(5, "{{#l}}{{.}}{{^-last}},{{/-last}}{{/l}}"), 5),
    f"sections {DEPTH} deep": (NEST, 2 * DEPTH + 2),
}


def template_of(shape: str, tags: int) -> str:
    """A template of about that many tags, and never of more."""
    piece, tags_of_piece = SHAPES[shape]
    return piece * (tags // tags_of_piece)


def best_ms(action: Callable[[], object]) -> float:
    """CPU time of the quickest of several runs: what else the machine does only ever adds."""
    times_s = []
    for _ in range(RUNS):
        began_s = time.process_time()
        action()
        times_s.append(time.process_time() - began_s)
    return min(times_s) * 1_000


def cost_of(shape: str, tags: int) -> Cost:
    """Time of reading (once) and of rendering (each time), and the peak of both together."""
    template = template_of(shape, tags)

    def read() -> None:
        parse.cache_clear()
        parse(template)

    def print_() -> str:
        return render(template, DATA, mode="text")

    parse_ms, render_ms = best_ms(read), best_ms(print_)
    parse.cache_clear()
    tracemalloc.start()
    print_()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Cost(tags, len(template), parse_ms, render_ms, peak_bytes / 1_024)


def is_linear(costs: list[Cost]) -> bool:
    """Whether twice the tags never cost more than `GROWTH_MAX` times as much."""
    return all(
        more <= GROWTH_MAX * less
        for few, many in pairwise(costs)
        for less, more in zip(few[1:], many[1:], strict=True)
    )


def main() -> int:
    good = True
    for shape in SHAPES:
        costs = [cost_of(shape, tags) for tags in TAGS]
        click.echo(f"{shape}")
        click.echo("    tags   bytes   parse ms   render ms   peak KiB")
        for each in costs:
            click.echo(
                f"  {each.tags:6,} {each.template_bytes:7,} {each.parse_ms:10.2f}"
                f" {each.render_ms:11.2f} {each.peak_kib:10,.0f}"
            )
        growth = [last / first for first, last in zip(costs[0][1:], costs[-1][1:], strict=True)]
        columns = "x{:.1f}, parse x{:.1f}, render x{:.1f}, peak x{:.1f}".format(*growth)
        click.echo(f"  500 to 2,000 tags: bytes {columns}")
        good = good and is_linear(costs)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
