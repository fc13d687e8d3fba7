"""The notifier: runs the triggers of webhooks that fail, and sends what triggers ask to be sent.

A thread reads (`consumer`), the event loop works (`worker`): a failure becomes what its trigger
asks for, a notice becomes an email or a text, or one more in a count (`memory`). Beside that it
disables webhooks that have failed for too long (`disabling`).
"""

from agents.notifier.run import run_notifier

__all__ = ["run_notifier"]
