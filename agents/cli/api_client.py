"""The HTTP API as commands use it: found by the data directory of a running `up`, or named.

Whatever the API refuses becomes one line for a person. A key that was found on this machine goes to
this machine only, and redirects are not followed, so a key never goes where nobody sent it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from agents.cli import settings_from_environment
from agents.errors import OperationError
from agents.up.state import running_up
from pipeline.settings import Settings

_PREFIX: Final = "/api/v1"
# A test waits for an endpoint, which may take its thirty seconds, and then for a record.
_TIMEOUT_S: Final = 60
# As many as the API gives at once.
_PAGE_ITEMS_MAX: Final = 200
_FAILURES: Final = 400
_UNKNOWN_KEY: Final = 401
# Listening on all addresses is no address to ask.
_REACHED_AT: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - not bound here


class ApiClient:
    """Requests to one API with one key; each raises `OperationError` when it is refused."""

    def __init__(self, url: str, key: str) -> None:
        """`url` is where the API is, without `/api/v1`."""
        self._at = _address(url)
        self.key = key

    def get(self, *steps: object, **query: object) -> Any:  # noqa: ANN401 - any JSON
        """What is at a path, whose `steps` are escaped; a query without a value is left out."""
        return self._answer("GET", _path(steps, query))

    def post(self, *steps: object, body: object = None) -> Any:  # noqa: ANN401 - any JSON
        """The answer to a request that changes something."""
        return self._answer("POST", _path(steps, {}), body)

    def delete(self, *steps: object) -> None:
        """Delete what is at a path."""
        self._answer("DELETE", _path(steps, {}))

    def items(self, *steps: object, limit: int, **query: object) -> Iterator[dict[str, Any]]:
        """The first `limit` items of a list, page after page."""
        cursor: str | None = None
        while limit > 0:
            size = min(limit, _PAGE_ITEMS_MAX)
            page = self.get(*steps, **query, limit=size, cursor=cursor)
            yield from page["items"]
            limit -= size
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _answer(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        connection = _connection(self._at)
        try:
            connection.request(method, f"{self._at.path.rstrip('/')}{path}", data, headers)
            response = connection.getresponse()
            return _read(response.status, response.read(), self._at.geturl())
        except (OSError, HTTPException) as error:
            raise OperationError(
                f"no API answers at {self._at.geturl()}: {error or type(error).__name__}; "
                "is `hookline up` or `hookline api` running there?"
            ) from None
        finally:
            connection.close()


def client_for(url: str | None, key: str | None, data_dir: Path | None) -> ApiClient:
    """The API that is named, or that of the `up` which runs on the data directory.

    Raises `OperationError` when there is no key to show it.
    """
    settings = settings_from_environment(find_broker=False, data_dir=data_dir)
    key = key or settings.api_key
    up = None if url is not None else running_up(settings.data_dir)
    if up is not None:
        host = _REACHED_AT.get(settings.health_host, settings.health_host)
        return ApiClient(f"http://{host}:{up.api_port}", key or _key_of_up(settings))
    if not key:
        raise OperationError(
            f"no `hookline up` runs on {settings.data_dir}, so give a key with --key or "
            "HOOKLINE_API_KEY, and the API's address with --url"
        )
    return ApiClient(url or settings.public_url, key)


def _key_of_up(settings: Settings) -> str:
    from agents.api.admin_key import ADMIN_KEY_FILE, read_admin_key  # noqa: PLC0415 - slow to import

    key = read_admin_key(settings.data_dir)
    if key is None:
        path = settings.data_dir / ADMIN_KEY_FILE
        raise OperationError(f"cannot read {path}: give a key with --key or HOOKLINE_API_KEY")
    return key


def _address(url: str) -> SplitResult:
    try:
        at = urlsplit(url)
        is_usable = at.scheme in {"http", "https"} and bool(at.hostname) and at.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise OperationError(f"{url!r} is no address of an API, such as http://127.0.0.1:8321")
    return at


def _connection(at: SplitResult) -> HTTPConnection:
    kind = HTTPSConnection if at.scheme == "https" else HTTPConnection
    return kind(at.hostname or "", at.port, timeout=_TIMEOUT_S)


def _path(steps: tuple[object, ...], query: dict[str, object]) -> str:
    path = "".join(f"/{quote(str(step), safe='')}" for step in steps)
    given = {name.rstrip("_"): _text(value) for name, value in query.items() if value is not None}
    return f"{_PREFIX}{path}?{urlencode(given)}" if given else f"{_PREFIX}{path}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(status: int, data: bytes, url: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        answer = json.loads(data) if data else None
    except ValueError:
        raise OperationError(f"what answers at {url} is no API of Hookline: {status}") from None
    if status < _FAILURES:
        return answer
    problem = answer if isinstance(answer, dict) else {}
    said = problem.get("detail") or problem.get("title") or f"status {status}"
    faults = [f"{each.get('field')}: {each.get('message')}" for each in problem.get("errors") or ()]
    mend = "; give another with --key or HOOKLINE_API_KEY" if status == _UNKNOWN_KEY else ""
    raise OperationError("; ".join([f"{said}{mend}", *faults]))
