import pytest

from pipeline.urls import URL_CHARACTERS_MAX, UrlError, compile_url
from schemas.codec import Malformed
from schemas.tokens import PIXEL_VARIABLES, TOKENS

ACTIVITY = {
    "id": 4_379_952_365,
    "name": 'Ann "AJ" Lee',
    "caller_number": "+17607058888",
    "duration": 25,
    "direction": "inbound",
    "source": "Google Ads",
    "sale": {"value": "85.00"},
    "tag_list": ["new lead", "vip"],
    "agent": {"name": "Sam"},
    "custom_account_number": "A-17",
}


def expanded(url, *, is_pixel=False, **activity):
    return compile_url(url, is_pixel=is_pixel).expand({**ACTIVITY, **activity})


def test_the_documents_own_example_creates_a_record():
    url = (
        "https://yourcrm.com/?activity_id={{id}}&contact_name={{name}}"
        "&contact_number={{caller_number}}"
    )

    assert expanded(url) == (
        "https://yourcrm.com/?activity_id=4379952365&contact_name=Ann%20%22AJ%22%20Lee"
        "&contact_number=%2B17607058888"
    )


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("{{ id }}", "4379952365"),
        ("{{agent.name}}", "Sam"),
        ("{{sale.value}}", "85.00"),
        ("{{tag_list}}", "new%20lead%2Cvip"),
        ("{{tag_list[1]}}", "vip"),
        ("{{custom_account_number}}", "A-17"),
        ("{{custom_fields.account_number}}", "A-17"),
        ("{{Tracking Source}}", "Google%20Ads"),
        ("{{missing}}", ""),
        ("{{agent}}", "%7B%22name%22%3A%22Sam%22%7D"),
    ],
)
def test_a_token_gives_the_activitys_value_percent_encoded(token, value):
    assert expanded(f"https://a.example/x/{token}/y?k={token}&{token}=1") == (
        f"https://a.example/x/{value}/y?k={value}&{value}=1"
    )


def test_an_empty_value_is_empty():
    assert expanded("https://a.example/?n={{name}}", name="") == "https://a.example/?n="


@pytest.mark.parametrize("dots", [".", ".."])
def test_a_value_of_dots_names_no_other_folder(dots):
    assert expanded("https://a.example/a/{{name}}/b", name=dots) == (
        f"https://a.example/a/{dots.replace('.', '%2E')}/b"
    )


def test_pixel_variables_are_replaced_in_path_and_query_with_or_without_parentheses():
    url = "https://h.example:8080/:callid/x?d=:duration&r=(:direction)&s=:source&v=:sale_value"

    assert expanded(url, is_pixel=True) == (
        "https://h.example:8080/4379952365/x?d=25&r=inbound&s=Google%20Ads&v=85.00"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://h.example:8080/",
        "https://source:8080/at/12:30",
        "https://h.example/:sourcecode/:unknown/:callid_x",
        "https://h.example/(source)",
    ],
)
def test_what_only_looks_like_a_variable_stays(url):
    assert expanded(url, is_pixel=True) == url


def test_variables_are_for_pixels_only():
    assert expanded("https://h.example/:callid") == "https://h.example/:callid"


def test_a_value_is_not_looked_at_again():
    url = "https://h.example/?a={{name}}&b=:source"

    assert expanded(url, is_pixel=True, name=":callid {{id}}", source="{{id}}") == (
        "https://h.example/?a=%3Acallid%20%7B%7Bid%7D%7D&b=%7B%7Bid%7D%7D"
    )


def test_a_token_that_is_no_path_is_refused_with_its_text():
    with pytest.raises(Malformed, match=r"\{\{a..b\}\} is no token"):
        compile_url("https://h.example/{{a..b}}", is_pixel=False)


def test_a_url_that_grows_beyond_what_servers_take_is_an_error():
    template = compile_url("https://h.example/{{name}}", is_pixel=False)

    with pytest.raises(UrlError, match="more than 8000"):
        template.expand({"name": "x" * URL_CHARACTERS_MAX})


def test_every_token_of_the_catalogue_can_stand_in_a_url():
    for token in TOKENS:
        (field,) = compile_url(f"https://h.example/{{{{{token.name}}}}}", is_pixel=False).fields
        assert field.name == token.name
    assert {token.group for token in TOKENS} == {"Activity", "Contact", "Score", "Enhanced"}
    assert set(PIXEL_VARIABLES) == {"callid", "duration", "direction", "source", "sale_value"}
