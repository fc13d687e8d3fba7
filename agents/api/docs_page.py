"""The page /docs: the API's description for people, made from the same document as for machines.

Plain HTML without scripts and without anything from elsewhere, so that its policy can forbid both.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html import escape
from string import Template
from typing import Any, Final

from agents.api.docs_fields import rows_of
from agents.api.problems import KINDS

_STYLE: Final = """
body { font: 16px/1.55 system-ui, sans-serif; color: #1d2733; background: #fff; margin: 0; }
.page { display: grid; grid-template-columns: 17rem minmax(0, 54rem); gap: 0 3rem; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; background: #f6f8fa;
  padding: 1.5rem; box-sizing: border-box; font-size: .875rem; }
nav ul { list-style: none; margin: .25rem 0 1rem; padding: 0; }
nav a { color: inherit; text-decoration: none; } nav a:hover { text-decoration: underline; }
main { padding: 1.5rem 1.5rem 6rem 0; }
h1 { margin-top: 0; } h2 { margin-top: 3rem; border-bottom: 1px solid #d5dce4; }
h3 { margin: 2.5rem 0 .25rem; } h4 { margin: 1rem 0 .25rem; }
code, pre { font: .875em/1.5 ui-monospace, monospace; }
code { background: #f0f3f6; padding: .1em .3em; border-radius: 3px; }
pre { background: #f0f3f6; padding: .75rem 1rem; border-radius: 6px; overflow-x: auto; }
.place { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
.method { font-weight: 700; color: #0b57a4; } .needed { color: #b3261e; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0;
  border-bottom: 1px solid #e4e9ee; overflow-wrap: anywhere; }
.kind { color: #51606f; }
@media (max-width: 60rem) { .page { display: block; } nav { position: static; height: auto; }
  main { padding: 1.5rem; } }
@media (prefers-color-scheme: dark) { body { color: #dbe2ea; background: #12181f; }
  nav, code, pre { background: #1b242e; } .method { color: #78b7f5; } .needed { color: #f2b8b5; }
  .kind { color: #9aa8b6; } th, td, h2 { border-color: #2d3946; } }
"""

_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

# Nothing but this page's own style may be used, and nobody may frame it.
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hookline: the HTTP API</title>
<style>$style</style>
</head>
<body>
<div class="page">
<nav aria-label="Contents">$contents</nav>
<main>
<h1>Hookline: the HTTP API</h1>
<p>For machines: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1), version $version.</p>
$introduction
$sections
<h2 id="problems">Problems</h2>
<table><thead><tr><th>type</th><th>status</th><th>meaning</th></tr></thead>
<tbody>$problems</tbody></table>
</main>
</div>
</body>
</html>
""")

_OPERATION: Final = Template("""\
<section id="$id">
<h3>$summary</h3>
<p class="place"><span class="method">$method</span> $path</p>
$description
$details
</section>
""")

_Document = dict[str, Any]


def docs_page(document: _Document) -> str:
    """The page for an OpenAPI document of ours."""
    tags = [
        (it["name"], it["description"], [*_operations(document, it["name"])])
        for it in document["tags"]
    ]
    sections = (
        f'<h2 id="{_anchor(name)}">{escape(name)}</h2>{_text(about)}{"".join(shown)}'
        for name, about, operations in tags
        for shown in [[_operation(document, *each) for each in operations]]
    )
    return _PAGE.substitute(
        style=_STYLE,
        version=escape(document["info"]["version"]),
        introduction=_text(document["info"]["description"]),
        contents="".join(_contents(name, operations) for name, _, operations in tags)
        + '<p><a href="#problems">Problems</a></p>',
        sections="".join(sections),
        problems="".join(
            f'<tr id="{kind.name}"><td><code>{kind.name}</code></td><td>{kind.status}</td>'
            f"<td>{escape(kind.title)}</td></tr>"
            for kind in KINDS
        ),
    )


def _operations(document: _Document, tag: str) -> Iterator[tuple[str, str, _Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _contents(tag: str, operations: list[tuple[str, str, _Document]]) -> str:
    items = "".join(
        f'<li><a href="#{it["operationId"]}">{escape(it["summary"])}</a></li>'
        for _, _, it in operations
    )
    return f'<a href="#{_anchor(tag)}"><strong>{escape(tag)}</strong></a><ul>{items}</ul>'


def _operation(document: _Document, method: str, path: str, operation: _Document) -> str:
    return _OPERATION.substitute(
        id=operation["operationId"],
        summary=escape(operation["summary"]),
        method=method,
        path=escape(path),
        description=_text(operation["description"]),
        details="".join(_details(document, operation)),
    )


def _details(document: _Document, operation: _Document) -> Iterator[str]:
    schemas = document["components"]["schemas"]
    parameters = [
        (it["name"], it["schema"].get("type", ""), it["required"], it.get("description", ""))
        for it in operation["parameters"]
    ]
    if parameters:
        yield _table("Parameters", parameters)
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        yield _table("Body", rows_of(schema, schemas))
        yield from map(_example, _examples(schema, schemas))
    for status, answer in operation["responses"].items():
        for content in answer.get("content", {}).values():
            if status.startswith("2"):
                table = _table(f"Answer {status}", rows_of(content["schema"], schemas))
                yield f"<details><summary>Answer {status}</summary>{table}</details>"
    problems = [status for status in operation["responses"] if not status.startswith("2")]
    yield f'<p class="kind">Problems: {", ".join(problems)}</p>'


def _table(title: str, rows: list[tuple[str, str, bool, str]]) -> str:
    if not rows:
        return f"<h4>{title}</h4><p>Any JSON object.</p>"
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td>"
        f'<td class="kind">{escape(kind)}{_NEEDED if is_needed else ""}</td>'
        f"<td>{_inline(about)}</td></tr>"
        for name, kind, is_needed, about in rows
    )
    return f"<h4>{title}</h4><table><tbody>{cells}</tbody></table>"


_NEEDED: Final = ' <span class="needed">required</span>'


def _examples(schema: _Document, schemas: _Document) -> list[Any]:
    named = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    return list(named.get("examples", []))


def _example(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


def _text(markdown: str) -> str:
    """Paragraphs, with `code` and **strong** in them: all that our descriptions use."""
    return "".join(f"<p>{_inline(part)}</p>" for part in markdown.split("\n\n") if part)


def _inline(markdown: str) -> str:
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(markdown, quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)


def _anchor(tag: str) -> str:
    return "tag-" + re.sub(r"[^a-z0-9]+", "-", tag.lower())
