"""The repository's Python files, as the tests about the repository itself see them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "pipeline", "agents")


@dataclass(frozen=True)
class Module:
    """One file, by its path from the root."""

    path: Path

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def name(self) -> str:
        """The dotted name; that of a package for its `__init__`."""
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def is_shipped(self) -> bool:
        return self.path.parts[0] in PACKAGES

    @cached_property
    def imports(self) -> frozenset[str]:
        """Every dotted name it imports; `from a import b` may mean the module `a.b`."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                origin = self._origin(node)
                found |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
        return frozenset(found)

    @cached_property
    def strings(self) -> list[str]:
        """Its strings, but for its docstrings."""
        nodes = [*ast.walk(self.tree)]
        prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        values = (it.value for it in nodes if isinstance(it, ast.Constant) and id(it) not in prose)
        return [value for value in values if isinstance(value, str)]

    def _origin(self, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        package = self.path.with_suffix("").parts[: -node.level]
        return ".".join([*package, *filter(None, [node.module])])


def modules() -> list[Module]:
    """All of them: the three packages and the tests."""
    folders = (*PACKAGES, "tests")
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return [Module(path.relative_to(ROOT)) for path in sorted(paths)]
