"""Histories for tests of what only asks one."""

from pipeline.timeseries import HistoryAwayError


class NoHistory:
    """A history that is away."""

    async def between(self, _account_id, _begin_s, _end_s):
        raise HistoryAwayError("it is away")
