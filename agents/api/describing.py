"""What the documentation says beside the operations themselves."""

from __future__ import annotations

from typing import Any, Final

from agents.api.idempotency import HEADER, REPLIES_MAX
from agents.api.limits import BODY_BYTES_MAX, INGEST_BYTES_MAX

_MIB: Final = 1024 * 1024

INTRODUCTION: Final = f"""\
Configure webhooks, try them, see what they were sent and what came back, and send it again.

**Keys.** Send `Authorization: Bearer KEY`, or Basic with the key's two halves (before and after \
the dot) as user and password. A key belongs to one account and has some of the scopes `read`, \
`write` and `ingest`; an admin key belongs to none and may do everything. What belongs to another \
account is answered as if it were not there: 404.

**Problems** are `application/problem+json`, with every faulty field in `errors` at once. \
`request_id` is also in the header `X-Request-Id` and in the server's log.

**Lists** have at most `limit` items, and `next_cursor` asks for the next page with the same query.

**Versions.** Records have a `version`, which is also their `ETag`. With `If-Match` a change is \
refused when somebody else was quicker.

**Repeating.** A POST with an `{HEADER}` is carried out once: sent again within 24 hours it is \
answered as before, with `Idempotency-Replayed: true`. Only successes are kept, by the process \
that gave them, in memory, the last {REPLIES_MAX:,} of them.

**Writes** are answered when they are in effect: on this process at once, on every other agent \
within a second.

**Inbound.** Others' systems post to the address of a source, `/in/{{token}}`, with no key of this \
API; what they send becomes an activity, or is refused and kept.

**Limits.** A body has at most {BODY_BYTES_MAX // _MIB} MiB, one of activities \
{INGEST_BYTES_MAX // _MIB} MiB. A key that asks too often is answered 429 with `Retry-After`. \
When a part is away (Kafka, the history's database), what needs it is answered 503 within five \
seconds, and everything else goes on."""

TAGS: Final[dict[str, str]] = {
    "Accounts": "Customers: their time zone and what they are entitled to.",
    "Keys": "Who may use this API. Keys are kept as hashes and shown once.",
    "Webhooks": "What is sent where, when, and how often it is tried.",
    "Triggers": "Rules of an account: conditions, then actions.",
    "Sources": "Endpoints at `/in/{token}` that take foreign webhooks in, and their mappings.",
    "Inbound": "Requests that came to the address of a source, and what became of them.",
    "Activities": "Calls, texts, chats and forms: sent in, and read as they are now.",
    "Deliveries": "Events owed to webhooks, and what became of them.",
    "Replays": "Deliveries that failed, or that a webhook missed, begun again at a bounded rate.",
    "Log": "Every request, its response, and what happened next; and why a webhook did not fire.",
    "CTM": "The same records under the paths and field names of CallTrackingMetrics' own API.",
    "Catalogue": "What webhooks can name.",
}

# Every variable part of a path, and the two headers that operations take.
PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "account": {
        "schema": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
        "description": "The account's id.",
    },
    "id": {
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        "description": "Its id.",
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "examples": ['"3"']},
        "description": "The version that is to be changed, as `ETag` told it.",
    },
    HEADER: {
        "name": HEADER,
        "in": "header",
        "required": False,
        "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
        "description": "A name for this request, such as a UUID, under which it is carried out "
        "once.",
    },
}
