"""All mutations: importing the lists fills the one."""

from tests.mutations import kafka_guards, matcher_guards, recorder_guards, sender_guards
from tests.mutations.guards import GUARDS

LISTS = (sender_guards, matcher_guards, kafka_guards, recorder_guards)

__all__ = ["GUARDS", "LISTS"]
