import json

import pytest

from schemas.asyncapi import MESSAGES, asyncapi
from schemas.generate import DIRECTORY, documents, main, outdated, write
from schemas.json_schemas import RECORDS
from schemas.topics import topics


def test_what_is_checked_in_is_what_the_code_says():
    assert outdated(DIRECTORY) == [], "run python -m schemas.generate"


def test_writing_makes_a_directory_current_and_removes_what_nothing_stands_for(tmp_path):
    (tmp_path / "webhook.json").write_text("{}")
    (tmp_path / "forgotten.json").write_text("{}")

    write(tmp_path)

    assert outdated(tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == documents().keys()


def test_the_check_names_what_has_drifted_and_fails(tmp_path, capsys):
    assert main([], tmp_path / "json") == 0
    (tmp_path / "json" / "job.json").unlink()

    assert main(["--check"], tmp_path / "json") == 1
    assert capsys.readouterr().err.startswith("not current: job.json;")


def test_the_check_is_quiet_when_all_is_current(capsys):
    assert main(["--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_other_arguments_are_told_the_usage(capsys):
    assert main(["--force"]) == 2
    assert capsys.readouterr().err.startswith("usage:")


def test_every_topic_is_a_channel_with_its_key_retention_and_partitions():
    channels = asyncapi()["channels"]

    assert list(channels) == [topic.name for topic in topics()]
    binding = channels["activities"]["bindings"]["kafka"]
    assert binding["partitions"] == 8
    assert binding["topicConfiguration"]["retention.ms"] == 7 * 24 * 60 * 60 * 1_000
    assert "account:activity" in channels["activities"]["description"]


def test_a_compacted_topic_has_no_retention():
    channel = asyncapi()["channels"]["hookline-configs-changelog"]

    configuration = channel["bindings"]["kafka"]["topicConfiguration"]
    assert "retention.ms" not in configuration
    assert configuration["cleanup.policy"] == ["compact"]


def test_every_topic_says_what_it_holds():
    declared = {topic.name for topic in topics()}

    assert declared == MESSAGES.keys()


def test_every_reference_of_the_document_leads_somewhere():
    document = asyncapi()

    for reference in references(document):
        if reference.startswith("#/"):
            place = document
            for step in reference.removeprefix("#/").split("/"):
                place = place[step]
        else:
            assert reference.removeprefix("./") in documents()


def references(node):
    """Every `$ref` below a node."""
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
        for inner in node.values():
            yield from references(inner)


@pytest.mark.parametrize("name", RECORDS)
def test_a_message_has_the_schema_and_the_key_of_its_record(name):
    message = asyncapi()["components"]["messages"][name]

    assert message["payload"]["schema"] == {"$ref": f"./{name}.json"}
    assert message["bindings"]["kafka"]["key"]["type"] == "string"
    assert message["summary"]


def test_documents_end_with_a_line_break_and_name_no_host():
    for text in documents().values():
        assert text.endswith("}\n")
        body = json.loads(text)
        assert "://" not in json.dumps({**body, "$schema": ""})
