"""Settings: from environment variables, frozen, and refused with every fault at once."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.settings import ConfigError, Settings, parse_networks, unknown_names


def faults_of(**environment: str) -> dict[str, str]:
    given = {f"HOOKLINE_{name.upper()}": value for name, value in environment.items()}
    with pytest.raises(ConfigError) as caught:
        Settings.parse(given)
    assert str(caught.value) == "; ".join(map(str, caught.value.faults))
    return {fault.field: fault.message for fault in caught.value.faults}


def test_an_empty_environment_is_enough():
    settings = Settings.parse({})
    assert (settings.bootstrap_servers, settings.data_dir) == (None, Path(".hookline"))
    assert not settings.allow_http


def test_variables_are_read_as_what_they_are():
    settings = Settings.parse(
        {
            "HOOKLINE_BOOTSTRAP_SERVERS": "a:9092,b:9092",
            "HOOKLINE_DATA_DIR": "/var/lib/hookline",
            "HOOKLINE_API_PORT": "8000",
            "HOOKLINE_ALLOW_HTTP": "true",
            "HOOKLINE_DRAIN_TIMEOUT_S": "2.5",
            "HOOKLINE_REPLICATION_FACTOR": "3",
            "HOOKLINE_END_DELAYED_TIER": "5s",
            "HOOKLINE_EGRESS_ALLOW": "10.0.0.0/8",
            "PATH": "/bin",
        }
    )
    assert settings.bootstrap_servers == "a:9092,b:9092"
    assert settings.data_dir == Path("/var/lib/hookline")
    assert (settings.api_port, settings.allow_http) == (8_000, True)
    assert (settings.drain_timeout_s, settings.replication_factor) == (2.5, 3)
    assert (settings.end_delayed_tier, settings.egress_allow) == ("5s", "10.0.0.0/8")


def test_a_variable_set_to_nothing_counts_as_unset():
    assert Settings.parse({"HOOKLINE_API_PORT": "", "HOOKLINE_LOG_LEVEL": ""}) == Settings()


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        Settings().api_port = 1


def test_the_prefix_stands_before_topics_and_groups():
    assert Settings(topic_prefix="eu.").topic("jobs") == "eu.jobs"
    assert Settings().topic("jobs") == "jobs"


def test_all_faults_are_told_at_once_by_the_names_of_their_variables():
    faults = faults_of(
        api_port="eighty",
        health_port="70000",
        job_partitions="0",
        replication_factor="many",
        allow_http="perhaps",
        end_delayed_tier="2h",
        topic_prefix="a b",
        drain_timeout_s="nan",
        log_level="loud",
        egress_allow="10.0.0.0/99, 127.0.0.1:0, ::1",
    )
    assert faults["HOOKLINE_API_PORT"].endswith("not 'eighty'")
    assert faults["HOOKLINE_END_DELAYED_TIER"].startswith("must be one of 5s, 30s")
    networks = faults["HOOKLINE_EGRESS_ALLOW"]
    assert "'10.0.0.0/99' is not a network" in networks
    assert "'127.0.0.1:0' has no port" in networks
    assert len(faults) == 10


def test_a_mail_address_and_a_gateway_must_be_ones():
    assert Settings.parse({"HOOKLINE_MAIL_FROM": "hooks@example.com"}).smtp_starttls == "required"
    gateway = Settings.parse({"HOOKLINE_SMS_URL": "https://sms.example.com/send"})
    assert gateway.sms_url == "https://sms.example.com/send"
    faults = faults_of(mail_from="Hooks <a@b.example>", sms_url="sms.example.com", smtp_port="0")
    assert faults.keys() == {"HOOKLINE_MAIL_FROM", "HOOKLINE_SMS_URL", "HOOKLINE_SMTP_PORT"}


def test_passwords_are_not_told():
    settings = Settings(smtp_password="hunter2", sms_password="hunter3", smtp_host="mail")
    assert "hunter" not in repr(settings)


def test_a_long_value_is_not_repeated_whole():
    assert len(faults_of(log_level="x" * 5_000)["HOOKLINE_LOG_LEVEL"]) < 200


def test_misspelt_names_are_found_and_harm_nothing():
    environment = {"HOOKLINE_TOPIC_PREFIXES": "x", "HOOKLINE_API_PORT": "1", "HOOK": "y"}
    assert Settings.parse(environment).api_port == 1
    assert unknown_names(environment) == ("HOOKLINE_TOPIC_PREFIXES",)


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", []),
        (" , ,", []),
        ("10.0.0.0/8", [("10.0.0.0/8", None)]),
        ("127.0.0.1", [("127.0.0.1/32", None)]),
        ("127.0.0.1:8400 , 10.1.0.0/16:65535", [("127.0.0.1/32", 8400), ("10.1.0.0/16", 65535)]),
        ("::1", [("::1/128", None)]),
        ("fd00::/8", [("fd00::/8", None)]),
        ("[fd00::/8]", [("fd00::/8", None)]),
        ("[::1]:443,[fd00::/8]:1", [("::1/128", 443), ("fd00::/8", 1)]),
    ],
)
def test_networks_are_read_with_and_without_ports(text, networks):
    assert [(str(it.network), it.port) for it in parse_networks(text)] == networks


@pytest.mark.parametrize(
    "text",
    [
        *("localhost", "10.0.0.1/8", "10.0.0.0/33", "1.2.3", "[::1", "::1]", "[]", "[::1]x:1"),
        *("[::1]443", "[::1]:443:", "127.0.0.1:http", "127.0.0.1:", "[::1]:", "127.0.0.1:-1"),
        *("127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:\u0661", "127.0.0.1:8 0", "10.0.0.0/8;::1"),
        *("127.0.0.1:" + "9" * 5_000,),
    ],
)
def test_a_network_that_is_not_quite_one_is_refused_rather_than_read_as_more(text):
    with pytest.raises(ValueError, match=r"is not a network|has no port"):
        parse_networks(text)
