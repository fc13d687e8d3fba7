"""Payloads in the shape of those of CRMs, shops, calendars and other systems."""

from __future__ import annotations

from urllib.parse import urlencode

from tests.support.payload import FORM, JSON, Payload, as_json

LEAD_AD = Payload(
    "a lead advertisement with named values, German",
    JSON,
    as_json(
        {
            "id": "120208513",
            "created_time": "2026-05-01T17:47:25+0000",
            "form_id": "8831",
            "campaign_name": "Frühjahr",
            "ad_name": "Tore 2",
            "platform": "fb",
            "field_data": [
                {"name": "vollständiger_name", "values": ["Anna Groß"]},
                {"name": "telefonnummer", "values": ["0171 2345678"]},
                {"name": "e-mail-adresse", "values": ["anna@example.de"]},
                {"name": "postleitzahl", "values": ["80331"]},
                {"name": "welches_tor_suchen_sie?", "values": ["Sektionaltor"]},
            ],
        }
    ),
    {
        "caller_number": "+491712345678",
        "email": "anna@example.de",
        "name": "Anna Groß",
        "postal_code": "80331",
        "campaign": "Frühjahr",
        "custom_product": "Sektionaltor",
    },
    region="DE",
    edits=[
        {
            "target": "custom_product",
            "paths": ['field_data[name="welches_tor_suchen_sie?"].values[0]'],
        },
        {"target": "name", "paths": ['field_data[name="vollständiger_name"].values[0]']},
    ],
)

CRM_CONTACT = Payload(
    "a CRM's contact, each property an object, British",
    JSON,
    as_json(
        {
            "vid": 3234574,
            "portal-id": 62515,
            "properties": {
                "firstname": {"value": "Alice", "timestamp": "1777657645000"},
                "lastname": {"value": "Byrne", "timestamp": "1777657645000"},
                "phone": {"value": "020 7946 0018"},
                "email": {"value": "alice@example.co.uk"},
                "company": {"value": "Byrne & Sons"},
                "lifecyclestage": {"value": "lead"},
                "city": {"value": "London"},
            },
        }
    ),
    {
        "caller_number": "+442079460018",
        "name": "Alice Byrne",
        "email": "alice@example.co.uk",
        "city": "London",
        "custom_company": "Byrne & Sons",
    },
    region="GB",
)

SHOP_ORDER = Payload(
    "a shop's order with items and a number in the billing address",
    JSON,
    as_json(
        {
            "id": 820982911946154508,
            "email": "ann@example.com",
            "created_at": "2026-05-01T13:47:25-04:00",
            "total_price": "1085.00",
            "currency": "USD",
            "phone": None,
            "name": "#9999",
            "tags": "vip, garage",
            "note": "Please call before noon",
            "landing_site": "/?gclid=abc",
            "customer": {
                "id": 115310627314723954,
                "first_name": "Ann",
                "last_name": "Lee",
                "phone": None,
                "default_address": {"city": "Denver", "name": "Ann Lee"},
            },
            "billing_address": {
                "first_name": "Ann",
                "last_name": "Lee",
                "address1": "123 Elm St",
                "phone": "720-555-0123",
                "city": "Denver",
                "zip": "80202",
                "province": "Colorado",
                "country": "United States",
                "country_code": "US",
            },
            "line_items": [
                {"id": 1, "name": "Door", "price": "1000.00", "vendor": "Doors Inc", "quantity": 1},
                {"id": 2, "name": "Lock", "price": "85.00", "vendor": "Locks Inc", "quantity": 1},
            ],
        }
    ),
    {
        "caller_number": "+17205550123",
        "name": "Ann Lee",
        "email": "ann@example.com",
        "sale": {"value": "1085.00"},
        "city": "Denver",
        "postal_code": "80202",
        "tag_list": ["vip", "garage"],
    },
    region="US",
)

CALENDAR = Payload(
    "a calendar's booking with questions and answers",
    JSON,
    as_json(
        {
            "event": "invitee.created",
            "created_at": "2026-05-01T17:47:25.000000Z",
            "payload": {
                "name": "Ann Lee",
                "email": "ann@example.com",
                "timezone": "America/Denver",
                "questions_and_answers": [
                    {"question": "What is your phone number?", "answer": "+17205550123"},
                    {"question": "Anything else?", "answer": "Gate code 12"},
                ],
                "scheduled_event": {
                    "name": "Estimate",
                    "event_memberships": [{"user_email": "sam@doors.example.com"}],
                },
                "tracking": {"utm_source": "google", "utm_medium": "cpc", "utm_term": "doors"},
            },
        }
    ),
    {
        "caller_number": "+17205550123",
        "name": "Ann Lee",
        "email": "ann@example.com",
        "source": "google",
        "medium": "cpc",
        "keyword": "doors",
        "notes": "Gate code 12",
    },
    edits=[
        {
            "target": "notes",
            "paths": ['payload.questions_and_answers[question="Anything else?"].answer'],
        }
    ],
)

TEXT_MESSAGE = Payload(
    "a telephone provider's text message",
    FORM,
    urlencode(
        {
            "MessageSid": "SM1f0e8ae6ade43cb3c0ce4525424e404f",
            "AccountSid": "AC00",
            "From": "+17205550123",
            "To": "+13035550100",
            "Body": "Is my door ready?",
            "NumMedia": "0",
            "FromCity": "DENVER",
            "FromCountry": "US",
        }
    ).encode(),
    {
        "caller_number": "+17205550123",
        "tracking_number": "+13035550100",
        "message_body": "Is my door ready?",
        "direction": "msg_inbound",
    },
    phase="inbound_text",
    edits=[{"target": "message_body", "paths": ["Body"]}],
)

WRONG_TYPES = Payload(
    "a spreadsheet's row, everything of another type than meant",
    JSON,
    as_json(
        {
            "Customer Phone": 7205550123.0,
            "Customer Name": "  Ann Lee ",
            "ZIP Code": 80202,
            "Tags": ["new lead", "web"],
            "Order Total": "$1,234.50",
            "Created": "05/01/2026 11:47 AM",
            "Talk Time": "42",
            "Converted?": "Yes",
        }
    ),
    {
        "caller_number": "+17205550123",
        "name": "Ann Lee",
        "postal_code": "80202",
        "tag_list": ["new lead", "web"],
        "sale": {"value": "1234.5", "conversion": True},
        "unix_time": 1777657620,
        "talk_time": 42,
    },
    region="US",
    edits=[
        {"target": "talk_time", "paths": ['["Talk Time"]']},
        {"target": "sale.conversion", "paths": ['["Converted?"]'], "transforms": ["bool"]},
    ],
)

BRAZILIAN_LEADS = Payload(
    "a marketing system's list of one lead, Brazilian",
    JSON,
    as_json(
        {
            "leads": [
                {
                    "id": "390319847",
                    "uuid": "c2f3d2b3-7250-4d27-97f4-eef38be32f7f",
                    "nome": "João da Silva",
                    "e-mail": "joao@example.com.br",
                    "celular": "(11) 98765-4321",
                    "empresa": "Portas Ltda",
                    "cidade": "São Paulo",
                    "estado": "SP",
                    "lead_stage": "Lead",
                    "tags": ["orçamento", "site"],
                }
            ]
        }
    ),
    {
        "caller_number": "+5511987654321",
        "name": "João da Silva",
        "email": "joao@example.com.br",
        "city": "São Paulo",
        "state": "SP",
        "custom_company": "Portas Ltda",
        "tag_list": ["orçamento", "site"],
    },
    region="BR",
)

PAYLOADS = [LEAD_AD, CRM_CONTACT, SHOP_ORDER, CALENDAR, TEXT_MESSAGE, WRONG_TYPES, BRAZILIAN_LEADS]
