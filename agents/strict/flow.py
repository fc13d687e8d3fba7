"""Flow control that clears the queues only when the flow really was suspended.

Faust resumes the flow several times during one rebalance, and each time it empties every queue,
also when the flow was on already: events fetched in between vanish without a trace, and the
offsets after them are committed. Clearing is right only after a suspension, when whatever the
queues still hold belongs to an assignment that is over.
"""

from __future__ import annotations

from mode.utils.queues import FlowControlEvent


class StrictFlowControl(FlowControlEvent):
    """`resume` without a preceding `suspend` changes nothing."""

    def resume(self) -> None:
        """Let records flow; empty the queues first when they were held back."""
        if not self.is_active():
            super().resume()
