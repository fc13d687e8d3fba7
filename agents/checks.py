"""Is everything in order? Each check is a question with an answer; all are asked, whatever fails.

A check that needs the broker is not asked when there is none: one fault is said once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from agents.broker.ports import is_free
from agents.configs.view import ConfigReader, read_to_end
from agents.errors import OperationError
from agents.history.engine import Database, reason_of
from agents.history.schema import SchemaNotReadyError, check_current
from agents.kafka.clients import BROKER_TIMEOUT_S, admin_client, bootstrap_servers
from agents.kafka.retention import kept_in_tiers
from agents.kafka.topics import topic_states
from agents.notifier.checking import check_mail, check_texts, check_triggers
from agents.sealing.keys import keys_for
from agents.sealing.rotation import examine
from agents.up.state import running_up, with_running_installation
from pipeline.configs import Configs
from pipeline.egress import verdict
from pipeline.sealing import has_secrets
from pipeline.settings import PREFIX, ConfigError, Settings, parse_networks, unknown_names
from pipeline.special_networks import SPECIAL
from schemas.source import Source
from schemas.webhook import Webhook

# What no allow-list should open: where clouds hand out credentials.
_METADATA: Final = tuple(
    str(row.network.network_address) for row in SPECIAL if row.rule == "metadata"
)

_HTTPS: Final = 443

_NO_KEY: Final = "set HOOKLINE_SECRET_KEYS as the senders have it"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check found. `detail` says what is in order, or what is wrong and how to mend it."""

    check: str
    ok: bool
    detail: str


def check_all(environment: Mapping[str, str]) -> Iterator[Answer]:
    """Every check in turn; settings that cannot be used are told and then left at their default."""
    settings, faults = usable_settings(environment)
    yield from faults
    yield from unknown_settings(environment)
    if not faults:
        yield Answer("settings", ok=True, detail=f"{len(settings.model_fields_set)} set")
    settings = with_running_installation(settings)
    yield _data_dir(settings.data_dir)
    yield _asked("history", lambda: _history(settings))
    yield _egress(settings)
    yield from _ports(settings)
    yield _said("email", lambda: check_mail(settings))
    yield _said("texts", lambda: check_texts(settings))
    broker = _broker(settings)
    yield broker
    if broker.ok:
        yield _asked("topics", lambda: _topics(settings))
        yield _asked("retention", lambda: _retention(settings))
        configs = Configs()
        configuration = _asked("configuration", lambda: _configuration(settings, configs))
        yield configuration
        if configuration.ok:
            yield _said("triggers", lambda: check_triggers(settings, configs))
            yield _asked("secrets", lambda: _secrets(settings, configs))


def usable_settings(environment: Mapping[str, str]) -> tuple[Settings, list[Answer]]:
    """The settings without those that have faults, and the faults."""
    try:
        return Settings.parse(environment), []
    except ConfigError as error:
        wrong = {fault.field for fault in error.faults}
        kept = {name: value for name, value in environment.items() if name not in wrong}
        answers = [Answer("settings", ok=False, detail=str(fault)) for fault in error.faults]
        return Settings.parse(kept), answers


def unknown_settings(environment: Mapping[str, str]) -> Iterator[Answer]:
    """Names that look like a setting and are none, with the one that was meant, most likely."""
    known = [f"{PREFIX}{field.upper()}" for field in Settings.model_fields]
    for name in unknown_names(environment):
        nearest = get_close_matches(name, known, n=1)
        meant = f"; did you mean {nearest[0]}?" if nearest else ""
        yield Answer("settings", ok=False, detail=f"{name} is no setting{meant}")


def _asked(check: str, ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except OperationError as error:
        return Answer(check, ok=False, detail=str(error))


def _said(check: str, ask: Callable[[], str]) -> Answer:
    return _asked(check, lambda: Answer(check, ok=True, detail=ask()))


def _data_dir(data_dir: Path) -> Answer:
    existing = data_dir.absolute()
    while not existing.exists():
        existing = existing.parent
    try:
        if not existing.is_dir():
            raise NotADirectoryError(0, f"{existing} is not a directory")
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        detail = f"cannot write to {existing}: {error.strerror}; set HOOKLINE_DATA_DIR"
        return Answer("data directory", ok=False, detail=detail)
    return Answer("data directory", ok=True, detail=f"{data_dir.absolute()} can be written")


def _history(settings: Settings) -> Answer:
    """Whether the history's database answers; one that no recorder has made yet is in order."""
    database = Database(settings)
    if database.is_sqlite and not Path(str(database)).exists():
        return Answer("history", ok=True, detail=f"{database} is made when a recorder starts")
    try:
        with database.reading() as connection:
            check_current(connection)
    except SQLAlchemyError as error:
        detail = f"{database} does not answer: {reason_of(error)}"
        return Answer("history", ok=False, detail=detail)
    except SchemaNotReadyError as error:
        return Answer("history", ok=False, detail=f"{database}: {error}")
    finally:
        database.close()
    return Answer("history", ok=True, detail=f"{database} is as this version needs it")


def _egress(settings: Settings) -> Answer:
    allowed = parse_networks(settings.egress_allow)
    opened = [
        address
        for address in _METADATA
        for port in {entry.port or _HTTPS for entry in allowed}
        if verdict(address, port, allowed).is_allowed
    ]
    if opened:
        detail = (
            f"HOOKLINE_EGRESS_ALLOW lets webhooks reach {', '.join(dict.fromkeys(opened))}, where "
            "clouds keep credentials: name the networks that are needed, and no more"
        )
        return Answer("egress", ok=False, detail=detail)
    listed = ", ".join(str(entry.network) for entry in allowed)
    return Answer("egress", ok=True, detail=listed or "no private address may be reached")


def _ports(settings: Settings) -> Iterator[Answer]:
    up = running_up(settings.data_dir)
    for name, port in (("API", settings.api_port), ("HEALTH", settings.health_port)):
        if port == 0:
            continue
        check = f"port {port}"
        if up is not None and up.api_port == port:
            yield Answer(check, ok=True, detail=f"in use by `up`, process {up.pid}")
        elif is_free(port):
            yield Answer(check, ok=True, detail="free")
        else:
            detail = f"in use by another program: set HOOKLINE_{name}_PORT"
            yield Answer(check, ok=False, detail=detail)


def _broker(settings: Settings) -> Answer:
    def ask() -> Answer:
        servers = bootstrap_servers(settings)
        admin = admin_client(settings)
        try:
            nodes = admin.describe_cluster(request_timeout=BROKER_TIMEOUT_S).result().nodes
        except Exception as error:  # noqa: BLE001 - whatever the client raises, there is no broker
            raise OperationError(f"{servers} does not answer: {_reason(error)}") from None
        addresses = ", ".join(f"{node.host}:{node.port}" for node in nodes)
        return Answer("broker", ok=True, detail=f"{len(nodes)} at {addresses}")

    return _asked("broker", ask)


def _reason(error: Exception) -> str:
    first = error.args[0] if error.args else error
    return first.str() if hasattr(first, "str") else str(first)


def _topics(settings: Settings) -> Answer:
    states = topic_states(settings)
    wrong = [f"{it.name}: {'; '.join(map(str, it.differences))}" for it in states if it.differences]
    if wrong:
        detail = f"{' | '.join(wrong)} (`hookline topics create` creates what is missing)"
        return Answer("topics", ok=False, detail=detail)
    return Answer("topics", ok=True, detail=f"all {len(states)} are as declared")


def _retention(settings: Settings) -> Answer:
    """Whether a job that waits in a tier is still there when it is due."""
    found = kept_in_tiers(settings, admin_client(settings))
    short = [it for it in found if it.is_too_short]
    if short:
        detail = " | ".join(map(str, short))
        return Answer("retention", ok=False, detail=f"waiting jobs may be lost: {detail}")
    detail = f"{len(found)} tiers keep what waits in them until it is due and a day more"
    return Answer("retention", ok=True, detail=detail)


def _configuration(settings: Settings, configs: Configs) -> Answer:
    """Whether every record can be read, into `configs`."""
    reader = ConfigReader(settings)
    count, unreadable = 0, []
    try:
        for records in read_to_end(reader):
            for record in records:
                count += 1
                if configs.apply(record.key, record.value, record.offset):
                    unreadable.append(str(record.offset))
    finally:
        reader.close()
    if unreadable:
        detail = f"records that cannot be read, at offsets {', '.join(unreadable)}"
        return Answer("configuration", ok=False, detail=detail)
    return Answer("configuration", ok=True, detail=f"{count} records can be read")


def _secrets(settings: Settings, configs: Configs) -> Answer:
    """Whether these keys open every secret; agents elsewhere may have others."""
    keys = keys_for(settings)
    if not keys:
        having = sum(isinstance(it, Webhook | Source) and has_secrets(it) for it in configs)
        detail = "no record has any" if not having else f"records with some: {having}; {_NO_KEY}"
        return Answer("secrets", ok=not having, detail=detail)
    found = examine(configs, keys)
    if found.unreadable:
        first = "/".join(map(str, next((it.account_id, it.id) for it in found.unreadable)))
        detail = (
            f"those of {first} and {len(found.unreadable) - 1} other records open with no key "
            "here: give the keys they have, or apply these records again"
        )
        return Answer("secrets", ok=False, detail=detail)
    ids = ", ".join(key.id for key in keys)
    stale = f"; {len(found.stale)} wait for `hookline secrets rotate`" if found.stale else ""
    return Answer("secrets", ok=True, detail=f"the keys {ids} open all of them{stale}")
