"""The demo's findings: without evidence nothing happened, and wrong evidence proves nothing."""

from agents.bin.server import Arrival
from agents.configs.yaml_file import parse_yaml
from agents.demo.evidence import Evidence
from agents.demo.findings import latency, phase_rows, special_cases
from agents.demo.scenario import FILTERED, MEASURED, document, story
from agents.demo.stage import demo_settings
from pipeline.documents import read_document
from pipeline.settings import Settings, parse_networks
from schemas.phases import END_DELAYED, PHASES


def arrival(path: str, body: str = "{}", at_s: float = 0.0) -> Arrival:
    return Arrival(1, at_s, "POST", path, (), body, len(body), 200, "dl_1")


def measured(*latencies_s: float) -> Evidence:
    evidence = Evidence()
    for latency_s in latencies_s:
        evidence.on_arrival(arrival(f"/{MEASURED}", '{"produced_at_s": 100.0}', 100 + latency_s))
    return evidence


def test_without_evidence_nothing_happened():
    assert [row.phase for row in phase_rows(Evidence())] == [*PHASES]
    assert not any(row.happened for row in phase_rows(Evidence()))
    assert not any(case.happened for case in special_cases(Evidence(), "reason"))
    assert not latency(Evidence(), 250, 50).happened


def test_an_arrival_without_a_recorded_attempt_is_no_delivery():
    evidence = Evidence()
    evidence.on_arrival(arrival("/01-starts"))

    assert not phase_rows(evidence)[0].happened


def test_a_request_that_a_filter_should_have_kept_back_is_a_failure():
    evidence = Evidence()
    evidence.on_arrival(arrival(f"/{FILTERED}"))

    assert not next(c for c in special_cases(evidence, "reason") if c.name == "filtered").happened


def test_latency_is_of_every_event_or_has_not_happened():
    evidence = measured(*[0.005] * 9, 0.105)

    assert latency(evidence, 10, 50).happened
    assert "p50 5.0 ms" in latency(evidence, 10, 50).seen
    assert not latency(evidence, 11, 50).happened


def test_the_configuration_is_one_account_with_a_webhook_for_each_phase_and_four_more():
    root = parse_yaml(document("http://127.0.0.1:1", "http://127.0.0.1:2").encode())
    settings = demo_settings(Settings(), receiver_port=1, dead_port=2)
    allowed = parse_networks(settings.egress_allow)
    read = read_document(root.plain(), allow_http=settings.allow_http, allowed=allowed)

    assert read.faults == []
    assert len(read.records) == 1 + len(PHASES) + 4


def test_every_phase_but_the_one_that_follows_by_itself_is_published():
    assert [step.phase for step in story()] == [p for p in PHASES if p.id != END_DELAYED]
