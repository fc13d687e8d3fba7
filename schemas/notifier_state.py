"""What the notifier has told of a failing webhook: the record on `notifier-state`, under its key.

It holds what must outlive a notifier: that a message went out, so that it is not repeated within
the throttle's time, how many failures there were since, and how far the automatic disabling has
come. The newest record counts; an empty one deletes it.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from schemas.codec import Many, Record
from schemas.common import AccountId
from schemas.notice import FailureTold, Notice
from schemas.trigger import SendEmail, SendText

# As many actions as a few failure triggers have that were chosen one after the other. More windows
# than these do not stay open for one webhook: the oldest is closed.
WINDOWS_MAX: Final = 100


class Window(Record):
    """The time after a message in which its kind is not sent again, but counted.

    `name` says which trigger's which action it is of. `opened_by` is the notice that was sent, or
    is being sent. `count` and `last` tell of the failures since, `counted_to` up to which offset
    of the notices. `action` is the one to send the summary by, and `due` a summary of the window
    before that may not be on its topic yet.
    """

    name: str
    trigger_id: str
    action: Annotated[SendEmail | SendText, Field(discriminator="type")]
    opened_by: str
    opened_at_ms: int
    ends_at_ms: int
    count: Annotated[int, Field(ge=0)] = 0
    counted_to: int = 0
    last: FailureTold | None = None
    due: Notice | None = None


class Disabling(Record):
    """How far the automatic disabling has been announced: for which failing, and at what step."""

    since_ms: int
    step: Annotated[int, Field(ge=0, le=100)]


class NotifierState(Record):
    """All that was told of one webhook."""

    account_id: AccountId
    webhook_id: str
    windows: Annotated[Many[Window], Field(max_length=WINDOWS_MAX)] = ()
    disabling: Disabling | None = None

    @property
    def key(self) -> bytes:
        """The record's key: it lies in the partition of the webhook's notices."""
        return f"{self.account_id}:{self.webhook_id}".encode()
