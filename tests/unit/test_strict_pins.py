"""The upstream code that agents/strict overrides or leans on is the code it was written against."""

# ruff: noqa: SLF001 - it is upstream's private parts that are pinned

import hashlib
import importlib
import inspect
import pkgutil

import aiokafka
from aiokafka.consumer.fetcher import Fetcher as AiokafkaFetcher
from faust.app import App
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.conductor import Conductor, ConductorCompiler
from faust.transport.consumer import Consumer, Fetcher, ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, ConsumerRebalanceListener
from mode.utils.queues import FlowControlEvent, ThrowableQueue

import agents.strict
from agents.strict.app import StrictApp
from agents.strict.consumer import StrictConsumer
from agents.strict.flow import StrictFlowControl
from agents.strict.recovery import StrictRecovery
from agents.strict.tables import FollowedTable, StrictTableManager
from agents.strict.thread import QuickFetchThread
from agents.strict.transport import StrictTransport

OURS = (
    FollowedTable,
    QuickFetchThread,
    StrictApp,
    StrictConsumer,
    StrictFlowControl,
    StrictRecovery,
    StrictTableManager,
    StrictTransport,
)

# Not overridden, but the overrides are right only as long as these do what they did.
LEANED_ON = (
    App._on_partitions_assigned,
    App._on_partitions_revoked,
    App._stop_consumer,
    App.on_rebalance_end,
    App.on_rebalance_start,
    Recovery._is_changelog_tp,
    Recovery._restart_recovery,
    Recovery._set_recovery_ended,
    Recovery._slurp_changelogs,
    Recovery._wait,
    TableManager.on_actives_ready,
    TableManager.on_standbys_ready,
    Consumer._commit_tps,
    Consumer._drain_messages,
    Consumer._filter_committable_offsets,
    Consumer._wait_next_records,
    Consumer.commit,
    Consumer.force_commit,
    Consumer.maybe_wait_for_commit_to_finish,
    Consumer.resume_flow,
    Consumer.resume_partitions,
    Fetcher._fetcher,
    ThreadDelegateConsumer.earliest_offsets,
    ThreadDelegateConsumer.highwaters,
    ThreadDelegateConsumer.seek_to_committed,
    ThreadDelegateConsumer.seek_wait,
    ThreadDelegateConsumer.threadsafe_partitions_revoked,
    AIOKafkaConsumerThread._commit,
    AIOKafkaConsumerThread._seek_wait,
    AIOKafkaConsumerThread.assignment,
    AIOKafkaConsumerThread.earliest_offsets,
    AIOKafkaConsumerThread.highwaters,
    AIOKafkaConsumerThread.seek_to_committed,
    AIOKafkaConsumerThread.seek_wait,
    ConsumerRebalanceListener,
    Conductor._compile_message_handler,
    ConductorCompiler.build,
    FlowControlEvent.clear,
    FlowControlEvent.is_active,
    FlowControlEvent.suspend,
    ThrowableQueue.clear,
    aiokafka.AIOKafkaConsumer.seek_to_committed,
    aiokafka.AIOKafkaConsumer.start,
    AiokafkaFetcher._get_actions_per_node,
)

PINS = {
    "AIOKafkaConsumer.seek_to_committed": "f6cd85c8b70a",
    "AIOKafkaConsumer.start": "2f1ba7044332",
    "AIOKafkaConsumerThread._commit": "932852ce7a23",
    "AIOKafkaConsumerThread._create_worker_consumer": "c2701bfc3e6f",
    "AIOKafkaConsumerThread._fetch_records": "39a2c6c79fc1",
    "AIOKafkaConsumerThread._seek_wait": "9d221e816d94",
    "AIOKafkaConsumerThread.assignment": "61f105132ae6",
    "AIOKafkaConsumerThread.earliest_offsets": "5d697cd76873",
    "AIOKafkaConsumerThread.highwaters": "b49ed48ec173",
    "AIOKafkaConsumerThread.seek_to_committed": "775ab0adc4b0",
    "AIOKafkaConsumerThread.seek_wait": "12e8d34e554e",
    "App._create_directories": "a9f571c3b04a",
    "App._new_transport": "42db531312dd",
    "App._on_partitions_assigned": "de932b7927db",
    "App._on_partitions_revoked": "d5c895bbe57d",
    "App._stop_consumer": "55854a5de12c",
    "App.flow_control": "f664abbe76e2",
    "App.on_rebalance_end": "b7ff69e1e377",
    "App.on_rebalance_start": "5c1e23de3067",
    "Collection._changelog_topic_name": "f341fe97037b",
    "Conductor._compile_message_handler": "9fbc0538097a",
    "ConductorCompiler.build": "837cf521368c",
    "Consumer": "959f899e8ebf",
    "Consumer._commit_offsets": "1a6979904118",
    "Consumer._commit_tps": "a20e230b05ae",
    "Consumer._drain_messages": "44a2500309e8",
    "Consumer._filter_committable_offsets": "dc5e9baf5d99",
    "Consumer._filter_tps_with_pending_acks": "f6f923977423",
    "Consumer._new_consumer_thread": "0870ec53dea7",
    "Consumer._new_offset": "1d2c7ea89a7a",
    "Consumer._wait_next_records": "6218e1969a63",
    "Consumer.commit": "a354437baaa0",
    "Consumer.force_commit": "cc094614d22c",
    "Consumer.getmany": "4b168d84882a",
    "Consumer.maybe_wait_for_commit_to_finish": "d687f63a0b5e",
    "Consumer.on_partitions_assigned": "29ce96596f05",
    "Consumer.on_partitions_revoked": "d04b7ae72c6f",
    "Consumer.perform_seek": "0e8c130ff4b0",
    "Consumer.resume_flow": "db59630f25b5",
    "Consumer.resume_partitions": "afe6b7c02a41",
    "Consumer.wait_empty": "e4662fe24f09",
    "ConsumerRebalanceListener": "f3d04f29dfb3",
    "Fetcher._get_actions_per_node": "1dab2cf937d1",
    "Fetcher._fetcher": "68f894f0b577",
    "FlowControlEvent.clear": "dda5e40d8028",
    "FlowControlEvent.is_active": "262016a21cfe",
    "FlowControlEvent.resume": "4dcdc1253fd0",
    "FlowControlEvent.suspend": "807929ab275a",
    "Recovery._is_changelog_tp": "453e8762c530",
    "Recovery._restart_recovery": "6bd8a8558a2d",
    "Recovery._seek_offsets": "19598ca63d94",
    "Recovery._set_recovery_ended": "84badf3f2cfe",
    "Recovery._slurp_changelogs": "7825c7e50f76",
    "Recovery._wait": "ec7429b70176",
    "Recovery.on_recovery_completed": "6ef567acf072",
    "Service._crash": "7bc0c709a151",
    "TableManager.on_actives_ready": "274c07e80913",
    "TableManager.on_standbys_ready": "46be52cea696",
    "TableManager.recovery": "f0bf5de78b4c",
    "ThreadDelegateConsumer._getmany": "f9d47aa9010b",
    "ThreadDelegateConsumer.earliest_offsets": "2833b09d2888",
    "ThreadDelegateConsumer.highwaters": "3a2723b22582",
    "ThreadDelegateConsumer.seek_to_committed": "f1d483b861b0",
    "ThreadDelegateConsumer.seek_wait": "e9db5bbc4ceb",
    "ThreadDelegateConsumer.threadsafe_partitions_revoked": "6c55d67e9eb0",
    "ThrowableQueue.clear": "d18f09e451ac",
}


def test_nothing_that_is_overridden_or_leaned_on_has_changed_upstream():
    found = pins()
    changed = sorted(
        name for name in found.keys() | PINS.keys() if found.get(name) != PINS.get(name)
    )

    assert not changed, (
        f"{', '.join(changed)} changed, here or upstream. Read the difference between the two "
        "versions against the docstring of the module in agents/strict that overrides it; adapt "
        "it; run the release gate (python -m tests.chaos.matcher_gate) and see that nothing is "
        f"lost or stuck; only then put the new hashes into {__file__}: "
        f"{ {name: found.get(name) for name in changed} }"
    )


def test_every_override_still_overrides_something_and_no_other_was_added():
    """A method that upstream renamed would be called by nobody."""
    found = {name for ours in OURS for name in vars(ours) if overridden(ours, name)}

    assert found - PYTHONS_OWN == EXPECTED_BY_UPSTREAM


def test_every_class_of_ours_on_one_of_upstreams_is_pinned():
    modules = [
        importlib.import_module(f"agents.strict.{found.name}")
        for found in pkgutil.iter_modules(agents.strict.__path__)
    ]
    ours = {
        it
        for module in modules
        for it in vars(module).values()
        if inspect.isclass(it) and it.__module__ == module.__name__ and is_built_on_upstream(it)
    }

    assert ours == set(OURS)


def is_built_on_upstream(ours):
    return any(base.__module__.split(".")[0] in UPSTREAM for base in ours.__mro__)


UPSTREAM = {"aiokafka", "faust", "mode"}
PYTHONS_OWN = {"__doc__", "__init__", "__module__"}
EXPECTED_BY_UPSTREAM = {
    "_changelog_topic_name",
    "_commit_offsets",
    "_crash",
    "_create_directories",
    "_create_worker_consumer",
    "_fetch_records",
    "_filter_tps_with_pending_acks",
    "_getmany",
    "_new_consumer_thread",
    "_new_offset",
    "_new_transport",
    "_seek_offsets",
    "Consumer",
    "flow_control",
    "getmany",
    "on_partitions_assigned",
    "on_partitions_revoked",
    "on_recovery_completed",
    "perform_seek",
    "recovery",
    "resume",
    "wait_empty",
}


def pins():
    """Each piece of upstream code by name, with a hash of its source."""
    overrides = [
        upstream
        for ours in OURS
        for name in vars(ours)
        if name not in PYTHONS_OWN
        for upstream in overridden(ours, name)
    ]
    return {
        code.__qualname__: hashlib.sha256(inspect.getsource(code).encode()).hexdigest()[:12]
        for code in map(plain, (*overrides, *LEANED_ON))
    }


def overridden(ours, name):
    """The functions or classes that `ours.name` stands in for, at most one."""
    for base in ours.__mro__[1:]:
        if name in vars(base):
            code = plain(vars(base)[name])
            return [code] if inspect.isfunction(code) or inspect.isclass(code) else []
    return []


def plain(found):
    """The function in a property, a service's task or a wrapper."""
    for attribute in ("fget", "fun", "func", "_cached_property__get"):
        found = getattr(found, attribute, found)
    return inspect.unwrap(found)
