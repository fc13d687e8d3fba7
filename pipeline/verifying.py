"""Whether a request to an inbound source comes from who it says: keys, passwords, signatures.

The forms of signatures are those that the senders themselves describe. Secrets are compared in
constant time, and each of several is tried, so that nothing tells how near a guess was. Where the
time is signed, it must be near our own. The source's secrets must be in plain (pipeline.sealing).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, quote_plus, unquote_plus, urlsplit, urlunsplit

from pipeline.form_bodies import FORM_TYPE
from pipeline.inbound_bodies import FORM_FIELDS_MAX
from pipeline.inbound_request import InboundRequest
from pipeline.requests import MASK
from schemas.secret import signing_key
from schemas.source import (
    BasicVerification,
    HeaderVerification,
    HmacVerification,
    PresetVerification,
    QueryVerification,
    Source,
)

# None when the signature is right, else what is wrong with it.
_Check: TypeAlias = Callable[[PresetVerification, InboundRequest], "str | None"]

_WRONG: Final = "the signature in {} is not one that our secret makes of this request"
# A header may hold many; two secrets of a sender give two.
_SIGNATURES_MAX: Final = 8
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_PORTS: Final = {"http": 80, "https": 443}
# Never shown, whatever they are used for here.
_CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})


def refusal(source: Source, request: InboundRequest) -> str | None:
    """Why the request is not believed, or None when its sender has proved to be the one."""
    asked = source.verification
    if isinstance(asked, BasicVerification):
        return _basic(asked, request)
    if isinstance(asked, HeaderVerification):
        return _key(request.headers.get(asked.header.lower()), asked.secrets, asked.header)
    if isinstance(asked, QueryVerification):
        return _key(_parameter(request.query, asked.parameter), asked.secrets, asked.parameter)
    if isinstance(asked, PresetVerification):
        return _PRESETS[asked.type](asked, request)
    if isinstance(asked, HmacVerification):
        return _custom(asked, request)
    return None


def without_credentials(source: Source, request: InboundRequest) -> InboundRequest:
    """The request as it may be kept and shown: with a mask for each key and password.

    Without its address, too, as the source's token stands in it.
    """
    asked = source.verification
    hidden = _CREDENTIALS
    if isinstance(asked, HeaderVerification):
        hidden |= {asked.header.lower()}
    headers = {name: MASK if name in hidden else value for name, value in request.headers.items()}
    query = request.query
    if isinstance(asked, QueryVerification):
        query = "&".join(_masked(part, asked.parameter) for part in query.split("&"))
    return replace(request, headers=headers, query=query, url="")


def _masked(part: str, parameter: str) -> str:
    name, equals, _ = part.partition("=")
    return f"{name}={quote_plus(MASK)}" if equals and unquote_plus(name) == parameter else part


def _basic(asked: BasicVerification, request: InboundRequest) -> str | None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "there is no user name and password: the header Authorization is missing"
    try:
        pair = base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        return "the header Authorization is not base64"
    if _is_any(pair, [f"{asked.username}:{asked.password}".encode()]):
        return None
    return "the user name or the password is wrong"


def _key(given: str | None, secrets: tuple[str, ...], name: str) -> str | None:
    if given is None:
        return f"{name} is missing"
    if _is_any(_bytes(given), [secret.encode() for secret in secrets]):
        return None
    return f"{name} has another value"


def _parameter(query: str, name: str) -> str | None:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        return None
    return next((value for each, value in pairs if each == name), None)


def _standard_webhooks(asked: PresetVerification, request: InboundRequest) -> str | None:
    message_id = request.headers.get("webhook-id", "")
    time = request.headers.get("webhook-timestamp", "")
    given = request.headers.get("webhook-signature", "")
    stale = _stale(time, "webhook-timestamp", asked.tolerance_s, request)
    content = _bytes(f"{message_id}.{time}.") + request.body
    made = [
        base64.b64encode(hmac.digest(signing_key(secret), content, hashlib.sha256))
        for secret in asked.secrets
    ]
    signatures = [each.removeprefix("v1,") for each in given.split() if each.startswith("v1,")]
    return stale or _compared(signatures, made, "webhook-signature")


def _github(asked: PresetVerification, request: InboundRequest) -> str | None:
    given = request.headers.get("x-hub-signature-256", "").removeprefix("sha256=")
    made = _hex(asked.secrets, request.body)
    return _compared([given], made, "X-Hub-Signature-256")


def _stripe(asked: PresetVerification, request: InboundRequest) -> str | None:
    header = request.headers.get("stripe-signature", "")
    parts = [part.strip().partition("=") for part in header.split(",")]
    time = next((value for name, _, value in parts if name == "t"), "")
    stale = _stale(time, "Stripe-Signature", asked.tolerance_s, request)
    made = _hex(asked.secrets, _bytes(f"{time}.") + request.body)
    given = [value for name, _, value in parts if name == "v1"]
    return stale or _compared(given, made, "Stripe-Signature")


def _shopify(asked: PresetVerification, request: InboundRequest) -> str | None:
    given = request.headers.get("x-shopify-hmac-sha256", "")
    made = [
        base64.b64encode(hmac.digest(secret.encode(), request.body, hashlib.sha256))
        for secret in asked.secrets
    ]
    return _compared([given], made, "X-Shopify-Hmac-Sha256")


def _twilio(asked: PresetVerification, request: InboundRequest) -> str | None:
    """The address is signed with the form's fields; of another body the address has a hash."""
    fields = ""
    if request.content_type.lower().startswith(FORM_TYPE):
        try:
            pairs = parse_qsl(
                request.body.decode(),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=FORM_FIELDS_MAX,
            )
        except ValueError:
            return "the form that is signed cannot be read"
        fields = "".join(name + value for name, value in sorted({*pairs}))
    elif request.body:
        digest = hashlib.sha256(request.body).hexdigest()
        given_digest = _parameter(request.query, "bodySHA256") or ""
        if not hmac.compare_digest(given_digest.lower().encode(), digest.encode()):
            return "bodySHA256 in the address is not the body's hash"
    made = [
        base64.b64encode(hmac.digest(secret.encode(), (url + fields).encode(), hashlib.sha1))
        for secret in asked.secrets
        for url in _with_and_without_port(request.url)
    ]
    given = request.headers.get("x-twilio-signature", "")
    return _compared([given], made, "X-Twilio-Signature")


def _with_and_without_port(url: str) -> Iterator[str]:
    """Twilio signs the port in some cases, and not in others."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    bare = re.sub(r":[0-9]*$", "", host)
    yield urlunsplit(parts._replace(netloc=bare))
    port = parts.port or _PORTS.get(parts.scheme)
    yield urlunsplit(parts._replace(netloc=f"{bare}:{port}"))


def _custom(asked: HmacVerification, request: InboundRequest) -> str | None:
    stale, time = None, ""
    if asked.timestamp_header is not None:
        time = request.headers.get(asked.timestamp_header.lower(), "")
        stale = _stale(time, asked.timestamp_header, asked.tolerance_s, request)
    before, _, after = (
        _bytes(part.replace("{timestamp}", time)) for part in asked.content.partition("{body}")
    )
    content = before + request.body + after
    digests = [hmac.digest(secret.encode(), content, asked.algorithm) for secret in asked.secrets]
    made = [
        binascii.hexlify(digest) if asked.encoding == "hex" else base64.b64encode(digest)
        for digest in digests
    ]
    given = request.headers.get(asked.header.lower(), "")
    if given and not given.startswith(asked.prefix):
        return f"{asked.header} does not begin with {asked.prefix}"
    given = given.removeprefix(asked.prefix)
    given = given.lower() if asked.encoding == "hex" else given
    return stale or _compared([given], made, asked.header)


def _hex(secrets: tuple[str, ...], content: bytes) -> list[bytes]:
    return [
        hmac.new(each.encode(), content, hashlib.sha256).hexdigest().encode() for each in secrets
    ]


def _stale(time: str, header: str, tolerance_s: int, request: InboundRequest) -> str | None:
    """Why the time that was signed is refused: a request that was overheard is of no use later."""
    if not _SECONDS.fullmatch(time):
        return f"{header} has no time in seconds since 1970"
    off_s = request.at_ms // 1_000 - int(time)
    if abs(off_s) <= tolerance_s:
        return None
    side = "old" if off_s > 0 else "ahead"
    return f"the time in {header} is {abs(off_s)} s {side}, more than {tolerance_s}"


def _compared(given: list[str], made: list[bytes], header: str) -> str | None:
    if not any(given):
        return f"there is no signature: the header {header} is missing"
    found = [_is_any(_bytes(each.strip()), made) for each in given[:_SIGNATURES_MAX]]
    return None if any(found) else _WRONG.format(header)


def _is_any(given: bytes, wanted: list[bytes]) -> bool:
    """Whether `given` is one of them, found out in a time that does not depend on which."""
    return sum(hmac.compare_digest(given, each) for each in wanted) > 0


def _bytes(header: str) -> bytes:
    """A header as it came: bytes that are no UTF-8 are surrogates in its text."""
    return header.encode(errors="surrogateescape")


_PRESETS: Final[Mapping[str, _Check]] = {
    "standard_webhooks": _standard_webhooks,
    "github": _github,
    "stripe": _stripe,
    "shopify": _shopify,
    "twilio": _twilio,
}
