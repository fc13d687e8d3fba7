"""Bodies of every form that senders use, read as one object, and what is refused and why."""

import json

import pytest

from pipeline.bracketed import BRACKETS_MAX, nested
from pipeline.inbound_bodies import FORM_FIELDS_MAX, VALUES_MAX, read_payload
from pipeline.multipart import PART_HEADER_BYTES_MAX
from tests.support.builders import a_source
from tests.support.faults import faults_of
from tests.support.inbound import a_request

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=XyZ"
SOURCE = a_source()


def read(body=b"", content_type="application/json", source=SOURCE, **more):
    return read_payload(source, a_request(body, content_type, **more))


def refused(body=b"", content_type="application/json", **more):
    return faults_of(read_payload, SOURCE, a_request(body, content_type, **more))


def why(*arguments, **more):
    (message,) = refused(*arguments, **more).values()
    return message


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"a": {"b": [1, "x"]}}', "application/json; charset=utf-8"),
        ('\ufeff {"a": {"b": [1, "x"]}}', "application/vnd.api+json"),
        ('[{"a": {"b": [1, "x"]}}]', "text/plain"),
        ('{"call": {"a": {"b": [1, "x"]}}, "account_id": 25}', ""),
        ('{"a": {"b": [1, "x"]}}', FORM),
    ],
)
def test_json_is_read_whatever_its_type_and_however_it_is_wrapped(body, content_type):
    assert read(body, content_type) == {"a": {"b": [1, "x"]}}


def test_what_is_called_call_beside_other_fields_is_a_field():
    assert read('{"call": {"a": 1}, "b": 2}') == {"call": {"a": 1}, "b": 2}
    assert read('{"call": "me"}') == {"call": "me"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "not JSON"),
        ("[]", "a request is one activity, and this is a list of 0"),
        ('[{"a": 1}, {"a": 2}]', "a request is one activity, and this is a list of 2"),
        ("[3]", "must be a JSON object"),
        ('"x"', "must be a JSON object"),
        ("{}", "the request holds no fields"),
        ("", "the request holds no fields"),
        ('{"a": ' * 65 + "1" + "}" * 65, "nested deeper than 64 levels"),
        (json.dumps({"a": [0] * VALUES_MAX}), f"holds more than {VALUES_MAX} values"),
        (b'{"a": "\xff"}', "not JSON"),
        ('{"a": 1e999}', "a number is too large for a double"),
    ],
)
def test_json_that_is_no_activity_is_refused_with_the_reason(body, message):
    assert why(body).startswith(message)


def test_a_name_that_an_object_has_twice_is_refused_as_nobody_knows_which_is_meant():
    body = '{"a": 1, "b": {"c": 1, "d": 2, "c": 3}, "a": 2}'
    assert refused(body) == {"c": "is given more than once", "a": "is given more than once"}
    assert len(refused("{" + ",".join(['"a": 1, "b": 2'] * 5_000) + "}")) == 2


def test_a_form_is_read_with_its_brackets():
    body = "name=Ann+Lee&contact[phones][0][number]=%2B17205550123&tags[]=a&tags[]=b&c=1&c=2&e="
    assert read(body, FORM) == {
        "name": "Ann Lee",
        "contact": {"phones": [{"number": "+17205550123"}]},
        "tags": ["a", "b"],
        "c": ["1", "2"],
        "e": "",
    }


@pytest.mark.parametrize(
    ("pairs", "fields"),
    [
        ([("a[]", 1), ("a[]", 2), ("a[]", 3)], {"a": [1, 2, 3]}),
        ([("a", 1), ("a", 2), ("a", 3)], {"a": [1, 2, 3]}),
        ([("a[x]", 1), ("a[x]", 2)], {"a": {"x": [1, 2]}}),
        ([("a[][n]", 1), ("a[][p]", 2), ("a[][n]", 3)], {"a": [{"n": 1, "p": 2}, {"n": 3}]}),
        ([("a[][]", 1), ("a[][]", 2)], {"a": [[1], [2]]}),
        ([("a[]", 1), ("a[][n]", 2)], {"a": [1, {"n": 2}]}),
        ([("a[1]", "x"), ("a[5]", "y")], {"a": {"1": "x", "5": "y"}}),
        ([("a[x]", 1), ("a[]", 2)], {"a": {"x": 1, "1": 2}}),
        ([("a[b", 1), ("c]d[", 2), ("[e]", 3), ("f[g]h", 4)], None),
        ([("a", {"b": 1})], {"a": {"b": 1}}),
        ([], {}),
    ],
)
def test_brackets_mean_what_they_mean_to_web_frameworks(pairs, fields):
    assert nested(pairs) == (dict(pairs) if fields is None else fields)


@pytest.mark.parametrize(
    "pairs",
    [[("a", 1), ("a[b]", 2)], [("a[b]", 1), ("a", 2)], [("a[b][c]", 1), ("a[b]", 2)]],
)
def test_a_name_is_a_value_or_a_group(pairs):
    name = pairs[1][0]
    assert faults_of(nested, pairs) == {name: "is a group of fields and a value at the same time"}


def test_brackets_are_bounded_and_cost_no_memory():
    name = "a" + "[a]" * BRACKETS_MAX
    assert "keys" in faults_of(nested, [(name, 1)])[name]
    assert nested([("a[999999999]", 1)]) == {"a": {"999999999": 1}}


def test_a_field_that_holds_a_json_object_is_that_object():
    assert read("payload=%7B%22a%22%3A1%7D&b={c}&d=[1]", FORM) == {
        "payload": {"a": 1},
        "b": "{c}",
        "d": "[1]",
    }
    assert read("call[phone]=1", FORM) == {"phone": "1"}


@pytest.mark.parametrize(
    ("body", "content_type", "fields"),
    [
        (b"a=M%FCnchen", f"{FORM}; charset=iso-8859-1", {"a": "München"}),
        ("a=M%C3%BCnchen", f'{FORM}; charset="UTF-8"', {"a": "München"}),
        ("a=1", "", {"a": "1"}),
        ("a=1", "text/plain", {"a": "1"}),
    ],
)
def test_forms_are_read_in_their_character_set_and_by_their_looks(body, content_type, fields):
    assert read(body, content_type) == fields


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ("a=%FF", FORM, "the form is not UTF-8"),
        (b"a=\xff", FORM, "the form is not UTF-8"),
        ("a=1", f"{FORM}; charset=koi8-r", "the character set 'koi8-r' is not known here"),
        ("a=1&" * (FORM_FIELDS_MAX + 1), FORM, f"a form has at most {FORM_FIELDS_MAX} fields"),
        ("<a>1</a>", "text/xml", "a body of type text/xml is not understood: send JSON"),
        ("hello", "", "a body of type (none) is not understood"),
    ],
)
def test_what_is_no_form_is_refused_with_the_reason(body, content_type, message):
    assert why(body, content_type).startswith(message)


def test_the_query_alone_is_a_payload_and_beside_a_body_it_adds_what_that_lacks():
    assert read(method="GET", query="phone=%2B1&a[]=1") == {"phone": "+1", "a": ["1"]}
    assert read("ignored", method="GET", query="a=1") == {"a": "1"}
    assert read(query="a=1") == {"a": "1"}
    assert read('{"a": 2}', query="a=1&b=3") == {"a": 2, "b": "3"}
    assert why(method="GET", query="a=%FF") == "the query is not UTF-8"


@pytest.mark.parametrize(
    ("verification", "fields"),
    [
        ({"type": "github", "secrets": ["s"]}, {"a": 2}),
        ({"type": "hmac", "header": "X-S", "secrets": ["s"]}, {"a": 2}),
        ({"type": "twilio", "secrets": ["s"]}, {"a": 2, "b": "3"}),
        ({"type": "basic", "username": "u", "password": "p"}, {"a": 2, "b": "3"}),
    ],
)
def test_a_query_that_nobody_signed_is_no_field(verification, fields):
    assert read('{"a": 2}', source=a_source(verification=verification), query="b=3") == fields


def part(name, value, more="", headers=""):
    return (
        f'--XyZ\r\nContent-Disposition: form-data; name="{name}"{more}\r\n{headers}\r\n{value}\r\n'
    )


def test_a_multipart_form_is_read_and_its_files_are_told_of():
    body = (
        part("name", "Zoé")
        + part("a[b]", "1\r\n2")
        + part('say \\"hi\\"', "x")
        + part("photo", "12345", '; filename="a.png"', "Content-Type: image/png\r\n")
        + part("none", "", '; filename=""', "Content-Type: application/octet-stream\r\n")
        + part("star", "1", "; filename*=UTF-8''b.txt")
        + "--XyZ--\r\nafter"
    )
    assert read("before\r\n" + body, MULTIPART) == {
        "name": "Zoé",
        "a": {"b": "1\r\n2"},
        'say "hi"': "x",
        "photo": {"filename": "a.png", "content_type": "image/png", "bytes": 5},
        "none": "",
        "star": {"filename": "", "content_type": "", "bytes": 1},
    }
    quoted = 'multipart/form-data; boundary="X y"'
    assert read(body.replace("XyZ", "X y"), quoted)["name"] == "Zoé"
    latin = part("a", "M\xfcnchen", headers="Content-Type: text/plain; charset=ISO-8859-1\r\n")
    assert read((latin + "--XyZ--").encode("latin-1"), MULTIPART) == {"a": "München"}


@pytest.mark.parametrize(
    ("body", "content_type", "fault"),
    [
        (part("a", "1"), MULTIPART, ("", "the form breaks off: its closing boundary is missing")),
        ("--XyZ\r\nContent", MULTIPART, ("", "a part of the form breaks off in its headers")),
        ("--XyZ\r\nA: b\r\n\r\n1\r\n--XyZ--", MULTIPART, ("", "a part of the form has no name")),
        (part("", "1") + "--XyZ--", MULTIPART, ("", "a part of the form has no name")),
        ("x", "multipart/form-data", ("", "the content type names no boundary")),
        (
            part("a", "1", headers="Content-Type: text/plain; charset=utf-7\r\n") + "--XyZ--",
            MULTIPART,
            ("a", "the character set 'utf-7' is not known here"),
        ),
        (
            part("a", "1", headers=f"X: {'x' * PART_HEADER_BYTES_MAX}\r\n") + "--XyZ--",
            MULTIPART,
            ("", f"a part has more than {PART_HEADER_BYTES_MAX} bytes of headers"),
        ),
        (
            part("a", "1") * (FORM_FIELDS_MAX + 2) + "--XyZ--",
            MULTIPART,
            ("", f"a form has at most {FORM_FIELDS_MAX} fields"),
        ),
        ("--XyZ--", MULTIPART, ("", "the request holds no fields")),
    ],
)
def test_a_multipart_form_that_is_broken_is_refused_with_the_reason(body, content_type, fault):
    assert refused(body, content_type) == dict([fault])


def test_bytes_of_a_part_that_are_not_its_characters_are_refused():
    assert refused(
        (part("a", "").encode() + b"--XyZ--").replace(b"\r\n\r\n", b"\r\n\r\n\xff"), MULTIPART
    ) == {"a": "is not UTF-8"}
    broken = part("a", "1").encode().replace(b'"a"', b'"\xff"') + b"--XyZ--"
    assert refused(broken, MULTIPART) == {"": "the form is not UTF-8"}


def test_a_field_s_json_counts_with_the_brackets_around_it():
    deep = '{"a":' * 63 + "{}" + "}" * 63
    assert read(deep)
    body = f"x[y]={deep}"
    assert why(body, FORM) == "nested deeper than 64 levels"
