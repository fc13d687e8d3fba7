"""The scheduler: holds back what waits in the tiers, and passes on what is due.

A thread reads and writes (`tiers`, with a `partition` of a tier each); the event loop serves its
pages and asks the broker where the tiers begin and end (`run`).
"""

from agents.scheduler.run import run_scheduler

__all__ = ["run_scheduler"]
