"""All mutations: importing the lists fills the one."""

from tests.mutations import (
    audit_guards,
    inbound_guards,
    kafka_guards,
    mapping_guards,
    matcher_guards,
    recorder_guards,
    sender_guards,
    trigger_guards,
)
from tests.mutations.guards import GUARDS

LISTS = (
    sender_guards,
    matcher_guards,
    kafka_guards,
    recorder_guards,
    audit_guards,
    trigger_guards,
    inbound_guards,
    mapping_guards,
)

__all__ = ["GUARDS", "LISTS"]
