"""What would otherwise be said again and again in reviews. Each failure names its files."""

import ast
import io
import re
import tokenize

from tests.support.modules import ROOT, Module, modules

FUNCTION_LINES_MAX = 40
MODULE_LINES_MAX = 300

# Run by a tool that finds them by their name or their folder, so nothing imports them.
RUN_BY_NAME = re.compile(
    r"(.*/)?(test_\w+|conftest|__init__|__main__)\.py|tests/(chaos|benchmarks)/\w+\.py"
    r"|agents/history/migrations/(env|versions/\w+)\.py"
)

# A reason has a few words after a colon.
BARE_TODO = re.compile(r"\b(TODO|FIXME|XXX)\b(?!: (\S+ ){3})")

MODULES = modules()


def test_no_module_is_longer_than_a_few_screens():
    long = {str(m.path): n for m in MODULES if (n := m.text.count("\n")) > MODULE_LINES_MAX}

    assert long == {}


def functions(module: Module):
    """Every function of a module, with the number of its lines."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module.path}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def test_no_function_is_longer_than_a_screen():
    long = [f for m in MODULES for f, lines in functions(m) if lines > FUNCTION_LINES_MAX]

    assert long == []


def test_every_module_opens_with_the_rule_it_keeps():
    silent = [str(m.path) for m in MODULES if m.is_shipped and not ast.get_docstring(m.tree)]

    assert silent == []


def test_nothing_is_left_to_do_without_a_reason():
    bare = [
        f"{module.path}:{token.start[0]}"
        for module in MODULES
        for token in tokenize.generate_tokens(io.StringIO(module.text).readline)
        if token.type == tokenize.COMMENT and BARE_TODO.search(token.string)
    ]

    assert bare == []


def test_no_file_is_dead():
    """A module that only its tests import is dead as well."""
    named = "".join((ROOT / name).read_text() for name in ("Makefile", "pyproject.toml"))
    dead = [m.name for m in MODULES if not RUN_BY_NAME.fullmatch(str(m.path)) and is_dead(m, named)]

    assert dead == []


def is_dead(module: Module, named: str) -> bool:
    """Whether no other module imports it, or has its name in a text such as `agents.cli.up:up`."""
    name = re.compile(rf"\b{re.escape(module.name)}\b(?!\.)")
    others = [m for m in MODULES if m is not module and (m.is_shipped or not module.is_shipped)]
    return not (
        any(module.name in other.imports for other in others)
        or any(name.search(text) for other in others for text in other.strings)
        or name.search(named)
    )
