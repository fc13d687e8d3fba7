"""The page of the echo receiver: what came, newest first. Whatever came is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from string import Template
from typing import Any, Final

_REFRESH_S: Final = 2
# What a browser lays out without effort; /requests.json has all that is kept.
_SHOWN_MAX: Final = 50

_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="$refresh">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hookline bin ($count)</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2733; background: #f6f8fa; }
article { background: #fff; border: 1px solid #d5dce4; border-radius: 6px; margin: 1rem 0;
  padding: .75rem 1rem; }
h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
.ok { color: #0a6b3d; } .failed { color: #b3261e; }
time { color: #51606f; }
pre { background: #f0f3f6; padding: .5rem .75rem; margin: .5rem 0 0; white-space: pre-wrap;
  overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>hookline bin</h1>
<p>$count received. All that is kept: <a href="/requests.json">requests.json</a>.
Ask for an answer in the query: <code>?status=503</code>, <code>?fail=2</code>,
<code>?delay=1.5</code>.</p>
$arrivals
</body>
</html>
""")

_ARRIVAL: Final = Template("""\
<article>
<h2><span class="$kind">$status</span> $method $path</h2>
<time>#$number at $at UTC</time>
<pre>$headers</pre>
<pre>$body</pre>
</article>
""")


def page(arrivals: Iterable[Mapping[str, Any]], count: int) -> str:
    """The page for `arrivals`, newest first, of `count` in all."""
    shown = [_arrival(each) for _, each in zip(range(_SHOWN_MAX), arrivals, strict=False)]
    return _PAGE.substitute(
        refresh=_REFRESH_S, count=count, arrivals="".join(shown) or "<p>Nothing yet.</p>"
    )


def pretty(body: str) -> str:
    """A body with its JSON laid out; anything else as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body


def _arrival(arrival: Mapping[str, Any]) -> str:
    at = datetime.fromtimestamp(arrival["at_s"], UTC)
    headers = "\n".join(f"{name}: {value}" for name, value in arrival["headers"])
    is_ok = arrival["status"] < 300  # noqa: PLR2004 - HTTP's classes
    fields = {
        "kind": "ok" if is_ok else "failed",
        "status": arrival["status"],
        "method": arrival["method"],
        "path": arrival["path"],
        "number": arrival["number"],
        "at": at.strftime("%H:%M:%S.%f")[:-3],
        "headers": headers,
        "body": pretty(arrival["body"]) or "(no body)",
    }
    return _ARRIVAL.substitute({name: escape(str(value)) for name, value in fields.items()})
