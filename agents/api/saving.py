"""From what a client wrote to a record that can be kept.

It is checked by the rules of a whole document, each mask in it is replaced by the secret it stands
for, and its secrets are sealed before it leaves the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from agents.api.ctm import Translation
from agents.api.operation import Call
from agents.api.problems import Problem, invalid, not_found, unavailable
from agents.api.services import Services
from agents.errors import OperationError
from agents.sealing.keys import keys_for, new_nonce
from pipeline.changes import BOOKKEEPING
from pipeline.configs import Configs
from pipeline.documents import Document
from pipeline.masks import unmasked
from pipeline.merge_patch import merged
from pipeline.one_record import faults_of, read_one, record_in, warnings_of
from pipeline.sealing import Keys, Sealable, has_secrets, sealed_like, secrets_of
from pipeline.settings import parse_networks
from schemas.codec import Fault, Malformed, Record
from schemas.config import Config, ConfigKey, key_of
from schemas.filter import as_groups
from schemas.secret import is_sealed
from schemas.source import Source
from schemas.webhook import Webhook

# Answered with a record, and so found in what is written back: nobody means to set them.
_ANSWERED: Final = BOOKKEEPING | {"warnings", "token_hash"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A record without faults, and what may not be meant by it."""

    record: Config
    warnings: tuple[Fault, ...]


def checked(
    call: Call, key: ConfigKey, given: dict[str, Any], configs: Configs, *, is_patch: bool = False
) -> Checked:
    """The record that `given` asks for, to be kept under `key`; raises the problem of every fault.

    A patch is merged into the record there is; otherwise `given` takes its place as a whole.
    """
    current = configs.get(key)
    fields, faults, warnings = _translated(given, key.kind, current)
    if is_patch and current is not None:
        fields = merged(_to_patch(current, fields), fields)
    document = _document(call, key, _named(fields, key, faults), configs)
    named = {fault.field for fault in faults}  # what else is wrong there follows from that
    faults += [fault for fault in faults_of(document, configs) if fault.field not in named]
    if faults:
        raise invalid(faults)
    warnings += warnings_of(document, configs)
    return Checked(record_in(document), tuple(warnings))


def warnings_now(call: Call, record: Config, configs: Configs) -> tuple[Fault, ...]:
    """What a record that is kept would be refused for or warned about if it were written today."""
    fields = record.model_dump(mode="json", exclude=set(_ANSWERED))
    document = _document(call, key_of(record), fields, configs)
    faults = faults_of(document, configs)
    return tuple(faults or warnings_of(document, configs))


def webhook_from(call: Call, given: dict[str, Any], current: Webhook | None) -> Webhook:
    """The webhook that `given` describes, not to be kept; raises the problem of every fault.

    Its secrets are as they were written, or as `current` has them: plain or sealed.
    """
    configs = call.services.view.configs
    webhook_id = current.id if current is not None else str(given.get("id", "preview"))
    key = ConfigKey(call.account_id, "webhook", webhook_id)
    record = checked(call, key, given, configs).record
    if not isinstance(record, Webhook):
        raise TypeError(f"a {record.kind} was read as a webhook")
    return record


def sealed(call: Call, record: Config, current: Config | None) -> Config:
    """The record with every secret sealed, as in `current` where it is the same secret."""
    if not isinstance(record, Webhook | Source) or not has_secrets(record):
        return record
    before = current if isinstance(current, Webhook | Source) else None
    if before is not None and _has_its_secrets(record, before):
        return record
    try:
        return sealed_like(record, before, secret_keys(call.services), new_nonce)
    except Malformed as malformed:
        raise invalid(malformed.faults) from None


def _has_its_secrets(record: Sealable, before: Sealable) -> bool:
    """Whether all that is secret is as it was, and sealed: then no key is needed."""
    is_same = _of_secrets(record) == _of_secrets(before)
    return is_same and all(is_sealed(it.text) for it in secrets_of(record) if it.text)


def _of_secrets(record: Sealable) -> tuple[Record, ...]:
    """The parts in which secrets stand, with what says of which form they have to be."""
    if isinstance(record, Source):
        return (record.verification,)
    auth = () if record.basic_auth is None else (record.basic_auth,)
    return (*record.headers, *auth, record.signing)


def secret_keys(services: Services) -> Keys:
    """The keys of the installation; raises the problem when there are none."""
    try:
        keys = keys_for(services.settings)
    except OperationError as error:
        raise _no_keys(str(error)) from None
    if not keys:
        raise _no_keys("there is no key to encrypt secrets with: an operator has to set one")
    return keys


def _document(call: Call, key: ConfigKey, fields: dict[str, Any], configs: Configs) -> Document:
    account = configs.account(key.account_id)
    if account is None:
        raise not_found(f"account {key.account_id}")
    settings = call.services.settings
    allowed = parse_networks(settings.egress_allow)
    return read_one(key.kind, fields, account, allow_http=settings.allow_http, allowed=allowed)


def _no_keys(why: str) -> Problem:
    return unavailable("secret keys", why)


def _translated(
    given: dict[str, Any], kind: str, current: Config | None
) -> tuple[dict[str, Any], list[Fault], list[Fault]]:
    """The fields under their own names, without masks; the faults, and the warnings so far."""
    fields = {name: value for name, value in given.items() if name not in _ANSWERED}
    if kind == "source":
        return _of_source(fields, current)
    if kind == "trigger":
        return _with_groups(fields, "conditions"), [], []
    webhook = current if isinstance(current, Webhook) else None
    translation = Translation(fields, webhook)
    fields, faults = unmasked(translation.fields, webhook)
    return _with_groups(fields, "filter"), translation.faults + faults, translation.warnings


def _of_source(
    fields: dict[str, Any], current: Config | None
) -> tuple[dict[str, Any], list[Fault], list[Fault]]:
    """The same of a source, whose token is drawn by us."""
    faults = []
    if fields.pop("token", None) is not None:
        faults.append(Fault("token", "is drawn by Hookline: POST …/token/rotate draws another"))
    fields, masks = unmasked(fields, current if isinstance(current, Source) else None)
    return fields, faults + masks, []


def _to_patch(current: Config, patch: dict[str, Any]) -> dict[str, Any]:
    """The fields that a patch is merged into.

    A format or a verification of another kind has nothing of the old.
    """
    fields = current.model_dump(mode="json", exclude=set(_ANSWERED))
    for name, kind in (("format", "kind"), ("verification", "type")):
        ours, theirs = fields.get(name), patch.get(name)
        if ours and isinstance(theirs, dict) and theirs.get(kind, ours[kind]) != ours[kind]:
            fields[name] = None
    return fields


def _with_groups(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """A filter, or conditions, of one group written out as kept, so that a patch replaces it."""
    return {**fields, name: as_groups(fields[name])} if name in fields else fields


def _named(fields: dict[str, Any], key: ConfigKey, faults: list[Fault]) -> dict[str, Any]:
    """The fields with the id of the path, from which theirs must not differ."""
    given = fields.get("id", key.id)
    if str(given) != key.id:
        faults.append(Fault("id", f"the path says {key.id}: an id never changes"))
    return {**fields, "id": key.id}
