"""CallTrackingMetrics' names for a webhook's fields, so that its clients work here as they are.

`weburl` is the URL, `with_resource_url` chooses the body type, `username` and `password` are the
basic authentication, and `disabled` is the contrary of `enabled`. What its API has and Hookline has
no use for is passed over, with a warning where whoever sent it may have meant something.
"""

from __future__ import annotations

from typing import Any, Final

from schemas.codec import Fault
from schemas.webhook import Webhook

# Answered by that API, so a client that writes back what it read sends them.
_PASSED_OVER: Final = frozenset({"client_id", "client_type", "status", "webhook"})
_TRUTHS: Final[dict[object, bool]] = {"true": True, "false": False, "1": True, "0": False}
_BODY_TYPES: Final = {True: "resource_link", False: "log_data"}


class Translation:
    """A webhook's fields under Hookline's names; `faults` and `warnings` are found on the way."""

    def __init__(self, given: dict[str, Any], current: Webhook | None) -> None:
        """Translate; `current` is the webhook as it is, when there is one."""
        self.fields = {name: value for name, value in given.items() if name not in _PASSED_OVER}
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self._current = current
        self._rename_url()
        self._choose_body_type()
        self._enable()
        self._authenticate()
        if "hooktype" in self.fields:
            del self.fields["hooktype"]
            self.warnings.append(Fault("hooktype", "means nothing here and was passed over"))

    def _rename_url(self) -> None:
        if "weburl" not in self.fields:
            return
        url = self.fields.pop("weburl")
        if self.fields.setdefault("url", url) != url:
            self.faults.append(Fault("weburl", "is another name of url, which says another thing"))

    def _choose_body_type(self) -> None:
        wanted = self._truth("with_resource_url")
        if wanted is None:
            return
        now = self._current.body_type if self._current is not None else None
        if not wanted and "body_type" not in self.fields and now == "pixel":
            return  # it sends no resource URL, as was asked for
        body_type = self.fields.setdefault("body_type", _BODY_TYPES[wanted])
        if (body_type == "resource_link") != wanted:
            message = f"does not go with the body_type {str(body_type)[:40]}"
            self.faults.append(Fault("with_resource_url", message))

    def _enable(self) -> None:
        disabled = self._truth("disabled")
        if disabled is not None and self.fields.setdefault("enabled", not disabled) == disabled:
            self.faults.append(Fault("disabled", "is the contrary of enabled, which says the same"))

    def _authenticate(self) -> None:
        pair = {
            name: self.fields.pop(name) for name in ("username", "password") if name in self.fields
        }
        if not pair:
            return
        if "basic_auth" in self.fields:
            self.faults.append(Fault("username", "give either it or basic_auth, not both"))
        else:
            nobody = not any(pair.values())
            self.fields["basic_auth"] = None if nobody else pair

    def _truth(self, name: str) -> bool | None:
        """A field that is true or false, also as a form would say it; None when it is not given."""
        if name not in self.fields:
            return None
        given = self.fields.pop(name)
        value = _TRUTHS.get(str(given).lower())
        if value is None:
            self.faults.append(Fault(name, "must be true or false"))
        return value
