"""Apply a YAML document: read it, check it in the light of what is configured, write the changes.

`hookline apply` puts its own words between these steps; `apply_yaml` is all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from agents.configs.topic import ConfigTopic
from agents.configs.yaml_file import Node, YamlFault, located, parse_yaml
from agents.errors import OperationError
from agents.sealing.keys import keys_for, new_nonce
from pipeline.changes import Plan, plan_changes
from pipeline.configs import Configs
from pipeline.documents import Document, read_document, unresolved
from pipeline.sealing import Keys, has_secrets, sealed_like
from pipeline.settings import Settings, parse_networks
from schemas.codec import Fault, Malformed
from schemas.config import Config, key_of
from schemas.source import Source
from schemas.webhook import Webhook


class Refused(Exception):  # noqa: N818 - the file was, not we
    """The file has faults; they come with their lines."""

    def __init__(self, faults: list[tuple[int, Fault]]) -> None:
        """Hold what is wrong, and where."""
        super().__init__("; ".join(f"line {line}: {fault}" for line, fault in faults))
        self.faults = faults


def apply_yaml(settings: Settings, data: bytes) -> Plan:
    """Make the configuration what `data` says; in effect on every matcher when it returns.

    Raises `Refused`, when nothing was written, and `OperationError`.
    """
    root = parsed(data)
    document = document_in(root, settings)
    with checked_topic(settings, document, root, prune=False) as topic:
        plan = planned(settings, document, root, topic, prune=False)
        write_plan(topic, plan)
    return plan


def parsed(data: bytes) -> Node:
    """The document with its lines; raises `Refused`."""
    try:
        return parse_yaml(data)
    except YamlFault as fault:
        raise Refused([(fault.line, Fault("", fault.message))]) from None


def document_in(root: Node, settings: Settings) -> Document:
    """What a file says, with every fault that it has by itself under these settings."""
    allowed = parse_networks(settings.egress_allow)
    return read_document(root.plain(), allow_http=settings.allow_http, allowed=allowed)


def checked_topic(
    settings: Settings, document: Document, root: Node, *, prune: bool
) -> ConfigTopic:
    """The topic, when the document has no fault in the light of what is configured already."""
    looked_up = unresolved(document, Configs(), prune=True)
    if document.faults and not looked_up:
        raise Refused(located(document.faults, root))
    try:
        topic = ConfigTopic(settings)
    except OperationError:
        if document.faults:  # they can be mended without a broker
            raise Refused(located(document.faults, root)) from None
        raise
    faults = document.faults + unresolved(document, topic.configs, prune=prune)
    if faults:
        topic.close()
        raise Refused(located(faults, root))
    return topic


def planned(
    settings: Settings, document: Document, root: Node, topic: ConfigTopic, *, prune: bool
) -> Plan:
    """What has to change for the topic to say what the document says, with its secrets sealed.

    Raises `Refused` for secrets that cannot be opened, `OperationError` when there is no key.
    """
    return plan_changes(
        sealed_records(document, topic.configs, keys_for(settings), root),
        topic.configs,
        now=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        prune=prune,
    )


def sealed_records(document: Document, configs: Configs, keys: Keys, root: Node) -> list[Config]:
    """The document's records with every secret sealed, unchanged where `configs` has it already.

    Raises as `planned` does.
    """
    records: list[Config] = []
    faults: list[Fault] = []
    for path, record in ((placed.path, placed.record) for placed in document.records):
        if not isinstance(record, Webhook | Source) or not has_secrets(record):
            records.append(record)
            continue
        if not keys:
            raise OperationError(
                f"{path} has secrets, and there is no key to encrypt them with: set "
                "HOOKLINE_SECRET_KEYS as the agents have it (`hookline secrets generate` makes "
                "one)"
            )
        current = configs.get(key_of(record))
        known = current if isinstance(current, Webhook | Source) else None
        try:
            records.append(sealed_like(record, known, keys, new_nonce))
        except Malformed as malformed:
            faults += [Fault(f"{path}.{it.field}", it.message) for it in malformed.faults]
    if faults:
        raise Refused(located(faults, root))
    return records


def write_plan(
    topic: ConfigTopic, plan: Plan, on_written: Callable[[int], None] = lambda _: None
) -> None:
    """Write the plan; also without a change, what is there must be what every matcher knows."""
    topic.write(list(plan.writes()), on_written)
    topic.wait_until_effective()
