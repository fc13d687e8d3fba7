"""The table manager that recovers strictly, and a global table on a topic of our own name.

Faust derives a changelog's name from the application's id, and its constructor argument for another
name breaks the assignor of a global table, which asks the table itself. Nobody writes the table
through Faust: the control plane writes the compacted topic, the table follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from faust.tables.globaltable import GlobalTable
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery

from agents.strict.recovery import StrictRecovery

if TYPE_CHECKING:  # the application imports this module
    from agents.strict.app import StrictApp


class StrictTableManager(TableManager):
    """Differs in the recovery it makes."""

    @property
    def recovery(self) -> Recovery:
        """The recovery service, made at first use."""
        if self._recovery is None:
            self._recovery = StrictRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class FollowedTable(GlobalTable):
    """A global table whose records stand on the application's `followed_topic`."""

    def _changelog_topic_name(self) -> str:
        return cast("StrictApp", self.app).followed_topic
