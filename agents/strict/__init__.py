"""Faust made honest: nothing is acknowledged before it is done, and nothing is skipped.

Stock Faust 0.15.3 loses events in ordinary starts of two workers, and whatever an exception or an
acknowledgement out of order touches. Each module here overrides one piece through Faust's own
extension points and says why; `tests/unit/test_strict_pins.py` fails when what is overridden
changes upstream. Only our own account of finished work (`ledger`) decides what is committed.
"""

from agents.strict.app import StrictApp
from agents.strict.consumer import StrictConsumer
from agents.strict.pump import Batches
from agents.strict.watchdog import Watchdog

__all__ = ["Batches", "StrictApp", "StrictConsumer", "Watchdog"]
