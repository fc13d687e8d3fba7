"""Every setting, once: `HOOKLINE_*` environment variables as one frozen value, or all faults."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.secret_keys import parse_keys
from schemas.codec import Fault
from schemas.tiers import TIER_BY_NAME
from schemas.trigger import EMAIL

PREFIX: Final = "HOOKLINE_"
PORT_MAX: Final = 65_535
# Their values are shown nowhere, not even when they are wrong: they hold keys and passwords.
_UNSHOWN: Final = frozenset(
    f"{PREFIX}{name}" for name in ("SECRET_KEYS", "DATABASE_URL", "SMTP_PASSWORD", "SMS_PASSWORD")
)

Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=PORT_MAX)]

_BRACKETED: Final = re.compile(r"\[([^\[\]]*:[^\[\]]*)\](?::(.*))?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_ADDRESS: Final = re.compile(EMAIL)
_HTTP: Final = re.compile(r"https?://[^\s]+")
_POSTGRESQL: Final = re.compile(r"postgres(?:ql)?://[^\s]+")


class ConfigError(ValueError):
    """Settings that cannot be used; `faults` has every one of them."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Hold `faults`, of which there is at least one."""
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


class Settings(BaseModel):
    """The settings of one process. Each field is `HOOKLINE_` and its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str | None = Field(
        None, description="Kafka brokers as `host:port,…`; unset, `up` starts an embedded broker"
    )
    data_dir: Path = Field(Path(".hookline"), description="State of `up` and the embedded broker")
    topic_prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9._-]{0,100}$", description="Put before every topic and group name"
    )
    job_partitions: Count = Field(
        8, le=1_000, description="Partitions of the job, retry, replay and attempt topics"
    )
    replication_factor: int | None = Field(
        None, ge=1, le=9, description="Copies of each partition; unset: 3, or the brokers there are"
    )
    api_port: Port = Field(8321, description="Port of the HTTP API, the console and `up`'s pages")
    api_rate_max: Count = Field(
        100, le=1_000_000, description="Requests a second that one key of the API may make"
    )
    api_key: str = Field(
        "",
        repr=False,
        description="Key that `hookline accounts`, `webhooks`, `deliveries` and `keys` show the "
        "API; unset, they take the one that `up` keeps in its data directory",
    )
    health_port: Port = Field(
        0, description="Port of an agent's /live /ready /metrics; 0 takes a free one and logs it"
    )
    health_host: str = Field(
        "127.0.0.1", description="Address that those pages and the HTTP API are served on"
    )
    public_url: str = Field(
        "http://127.0.0.1:8321",
        pattern=r"^https?://[^\s{}]+$",
        description="Where customers reach the HTTP API; resource links begin with it",
    )
    allow_http: bool = Field(
        default=False, description="Whether webhooks may have plain http:// URLs"
    )
    egress_allow: str = Field(
        "",
        description="Networks, with optional ports, that requests may reach although they are "
        "private or loopback: `127.0.0.1/32:8400,10.1.0.0/16`",
    )
    secret_keys: str = Field(
        "",
        repr=False,
        description="Keys that encrypt webhooks' secrets, as `id:base64key,…`: the first encrypts, "
        "all decrypt; unset, `up` keeps one in its data directory",
    )
    database_url: str | None = Field(
        None,
        repr=False,
        description="PostgreSQL that keeps the history, as `postgresql://user:password@host/name`; "
        "unset, a SQLite file in the data directory does",
    )
    bodies_days: Count = Field(
        7, le=3_650, description="Days for which the bodies of requests and events are kept"
    )
    attempts_days: Count = Field(
        30, le=3_650, description="Days for which activities, deliveries and attempts are kept"
    )
    end_delayed_tier: str = Field("1h", description="Delay between `end` and `end_delayed`")
    scheduler_rate_max: Count = Field(
        1_000,
        le=1_000_000,
        description="Records a second that one scheduler takes out of the tiers, at most",
    )
    drain_timeout_s: float = Field(
        15, ge=0, le=300, description="How long a stopping agent waits for requests in flight"
    )
    webhook_metrics: str = Field(
        "",
        description="Webhooks, as `account:webhook,…`, that get metrics of their own",
    )
    notice_throttle_s: Count = Field(
        900,
        le=86_400,
        description="How long, after a message about a failing webhook, further ones are counted "
        "and then told of together",
    )
    mail_from: str = Field("", description="Address that triggers' emails come from")
    smtp_host: str = Field("", description="Mail server that takes them; unset, none are sent")
    smtp_port: Count = Field(587, le=PORT_MAX, description="Its port")
    smtp_username: str = Field("", description="Name to log in there with; unset, nobody does")
    smtp_password: str = Field("", repr=False, description="The password of that name")
    smtp_starttls: Literal["required", "if_offered", "never"] = Field(
        "required", description="Whether mail goes out encrypted, agreed on after connecting"
    )
    smtp_tls: bool = Field(
        default=False, description="Whether the mail server speaks TLS from the start (port 465)"
    )
    sms_url: str = Field(
        "",
        description="Gateway that takes triggers' texts, as a form with `To`, `From` and `Body`; "
        "unset, none are sent",
    )
    sms_from: str = Field("", description="Number or name that they come from")
    sms_username: str = Field("", description="Name of HTTP basic authentication there")
    sms_password: str = Field("", repr=False, description="The password of that name")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line that is written"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto` writes for people on a terminal and JSON elsewhere"
    )

    @field_validator("end_delayed_tier")
    @classmethod
    def _known_tier(cls, tier: str) -> str:
        if tier not in TIER_BY_NAME:
            raise ValueError(f"must be one of {', '.join(TIER_BY_NAME)}")
        return tier

    @field_validator("mail_from")
    @classmethod
    def _address(cls, address: str) -> str:
        if address and not _ADDRESS.fullmatch(address):
            raise ValueError("must be an email address, without a name")
        return address

    @field_validator("sms_url")
    @classmethod
    def _gateway(cls, url: str) -> str:
        if url and not _HTTP.fullmatch(url):
            raise ValueError("must begin with https:// or http:// and have no spaces")
        return url

    @field_validator("egress_allow")
    @classmethod
    def _networks(cls, text: str) -> str:
        parse_networks(text)
        return text

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, url: str | None) -> str | None:
        if url is not None and not _POSTGRESQL.fullmatch(url):
            raise ValueError("must begin with postgresql:// and have no spaces")
        return url

    @field_validator("secret_keys")
    @classmethod
    def _keys(cls, text: str) -> str:
        parse_keys(text)
        return text

    @classmethod
    def parse(cls, environment: Mapping[str, str]) -> Settings:
        """Read the `HOOKLINE_*` variables; raises `ConfigError` with every fault.

        A variable that is set to nothing counts as unset. Names that are no setting are left alone
        here, so that two versions can share an environment; `unknown_names` lists them.
        """
        given = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environment.items()
            if _is_setting(name) and value != ""
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ConfigError(tuple(map(_fault, error.errors(include_url=False)))) from None

    def topic(self, name: str) -> str:
        """A topic's or group's name in this installation."""
        return f"{self.topic_prefix}{name}"


def _is_setting(name: str) -> bool:
    return name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() in Settings.model_fields


def unknown_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """`HOOKLINE_*` variables that are no setting: misspelt ones, most likely."""
    return tuple(
        sorted(name for name in environment if name.startswith(PREFIX) and not _is_setting(name))
    )


class AllowedNetwork(BaseModel):
    """A network that an operator lets requests reach, on one port or on all."""

    model_config = ConfigDict(frozen=True)

    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    port: Port | None = None


def parse_networks(text: str) -> tuple[AllowedNetwork, ...]:
    """`127.0.0.0/8:8080,[fd00::/8]:443,10.0.0.0/8` as networks; raises ValueError with all faults.

    Read strictly: an entry that is not quite right must not open more than was meant.
    """
    networks, faults = [], []
    for part in filter(None, map(str.strip, text.split(","))):
        try:
            networks.append(_network(part))
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise ValueError("; ".join(faults))
    return tuple(networks)


def _network(text: str) -> AllowedNetwork:
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed:
        address, port = bracketed.groups()
    elif text.count(":") == 1:
        address, port = text.split(":")
    else:
        address, port = text, None
    try:
        network = ipaddress.ip_network(address)
    except ValueError:
        raise ValueError(f"{text[:80]!r} is not a network such as 10.0.0.0/8:8080") from None
    if port is not None and not (_PORT.fullmatch(port) and 0 < int(port) <= PORT_MAX):
        raise ValueError(f"{text[:80]!r} has no port between 1 and {PORT_MAX} after the colon")
    return AllowedNetwork(network=network, port=None if port is None else int(port))


def _fault(entry: object) -> Fault:
    fields = dict(entry)  # type: ignore[call-overload]  # pydantic's own mapping
    name = PREFIX + ".".join(str(step) for step in fields["loc"]).upper()
    message = fields["msg"].removeprefix("Value error, ")
    given = "" if name in _UNSHOWN else f", not {str(fields['input'])[:80]!r}"
    return Fault(name, f"{message[:1].lower()}{message[1:]}{given}")
