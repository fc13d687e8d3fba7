"""No value can change what a URL means: where it goes, how many parts it has, what they say."""

from urllib.parse import parse_qsl, unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from pipeline.urls import URL_CHARACTERS_MAX, compile_url

HOSTILE = st.text(max_size=200) | st.sampled_from(
    [
        "/../",
        "?a=b",
        "#x",
        "&admin=1",
        "a=b",
        "\r\nHost: evil",
        "@evil.example",
        "\0",
        "\u2028",
        "😀",
        "\u202e",
    ]
)


@given(path=HOSTILE, key=HOSTILE, value=HOSTILE)
def test_no_value_changes_the_structure_of_a_url(path, key, value):
    template = compile_url("https://h.example:8443/a/{{p}}/b?k{{q}}=1&v={{r}}#end", is_pixel=False)
    url = template.expand({"p": path, "q": key, "r": value})

    assert len(url) < URL_CHARACTERS_MAX
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "h.example:8443", "end")
    assert [unquote(step) for step in parts.path.split("/")] == ["", "a", path, "b"]
    pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
    assert pairs == [(f"k{key}", "1"), ("v", value)]


@given(value=st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans())
def test_numbers_and_booleans_stand_as_json_writes_them(value):
    url = compile_url("https://h.example/?v={{v}}", is_pixel=False).expand({"v": value})
    ((_, text),) = parse_qsl(urlsplit(url).query)

    assert text == (
        {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    )
