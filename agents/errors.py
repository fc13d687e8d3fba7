"""Failures that a person at the command line is told about in one line."""

from __future__ import annotations


class OperationError(Exception):
    """Something outside did not work: a broker away, a port taken, a file that is not there."""
