"""Payloads in the shape of those of web forms, in five languages."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from tests.support.payload import BOUNDARY, FORM, JSON, Payload, as_json, as_multipart

SURVEY = Payload(
    "a survey whose answers have types",
    JSON,
    as_json(
        {
            "event_id": "01HX",
            "event_type": "form_response",
            "form_response": {
                "form_id": "lT4Z3j",
                "token": "a3a12ec67a1365927098a606107fac15",
                "submitted_at": "2026-05-01T17:47:25Z",
                "hidden": {"utm_source": "newsletter", "utm_campaign": "spring"},
                "answers": [
                    {
                        "type": "text",
                        "text": "Ann Lee",
                        "field": {"id": "hVON", "type": "short_text", "ref": "your_name"},
                    },
                    {
                        "type": "phone_number",
                        "phone_number": "+1 (720) 555-0123",
                        "field": {"id": "kPQ2", "type": "phone_number", "ref": "p"},
                    },
                    {
                        "type": "email",
                        "email": "ann@example.com",
                        "field": {"id": "SMEU", "type": "email", "ref": "e"},
                    },
                    {
                        "type": "choice",
                        "choice": {"label": "Garage door"},
                        "field": {"id": "k6TP", "type": "multiple_choice", "ref": "c"},
                    },
                ],
            },
        }
    ),
    {
        "caller_number": "+17205550123",
        "email": "ann@example.com",
        "name": "Ann Lee",
        "source": "newsletter",
        "campaign": "spring",
        "unix_time": 1777657645,
    },
    edits=[{"target": "name", "paths": ["form_response.answers[type=text].text"]}],
)

FRENCH_BRACKETS = Payload(
    "a page builder's form with brackets in its names, French",
    FORM,
    urlencode(
        {
            "form[id]": "contact",
            "form[name]": "Devis gratuit",
            "fields[prenom][id]": "prenom",
            "fields[prenom][title]": "Prénom",
            "fields[prenom][value]": "Zoé",
            "fields[nom][id]": "nom",
            "fields[nom][title]": "Nom",
            "fields[nom][value]": "Martin",
            "fields[telephone][id]": "telephone",
            "fields[telephone][title]": "Téléphone",
            "fields[telephone][value]": "06 12 34 56 78",
            "fields[courriel][value]": "zoe@example.fr",
            "fields[message][value]": "Bonjour,\nje voudrais un devis.",
            "meta[page_url][value]": "https://example.fr/devis",
            "meta[remote_ip][value]": "203.0.113.9",
        }
    ).encode(),
    {
        "caller_number": "+33612345678",
        "name": "Zoé Martin",
        "email": "zoe@example.fr",
        "notes": "Bonjour,\nje voudrais un devis.",
        "location": "https://example.fr/devis",
        "visitor_ip": "203.0.113.9",
        "form": {"form_name": "Devis gratuit"},
    },
    region="FR",
)

FORM_BUILDER = Payload(
    "a form builder's multipart form with all answers in one JSON text",
    f"multipart/form-data; boundary={BOUNDARY}",
    as_multipart(
        ("formID", "2610"),
        ("submissionID", "5531"),
        ("formTitle", "Get a quote"),
        ("ip", "203.0.113.7"),
        (
            "rawRequest",
            json.dumps(
                {
                    "slug": "submit/2610",
                    "q3_name": {"first": "Ann", "last": "Lee"},
                    "q4_email": "ann@example.com",
                    "q5_phoneNumber": {"full": "(720) 555-0123"},
                    "q6_typeA": "Repair",
                }
            ),
        ),
    ),
    {
        "caller_number": "+17205550123",
        "name": "Ann Lee",
        "email": "ann@example.com",
        "form": {"form_name": "Get a quote"},
        "custom_service": "Repair",
    },
    region="US",
    edits=[{"target": "custom_service", "paths": ["rawRequest.q6_typeA"]}],
)

GERMAN_FORM = Payload(
    "a web site's plain form, German",
    FORM,
    urlencode(
        {
            "anrede": "Frau",
            "vorname": "Jürgen",
            "nachname": "Weiß",
            "ihre-telefonnummer": "(089) 123456-78",
            "e-mail": "j.weiss@example.de",
            "straße": "Sendlinger Str. 8",
            "plz": "80331",
            "ort": "München",
            "ihre-nachricht": "Bitte um Rückruf",
            "datenschutz": "on",
        }
    ).encode(),
    {
        "caller_number": "+498912345678",
        "name": "Jürgen Weiß",
        "email": "j.weiss@example.de",
        "street": "Sendlinger Str. 8",
        "postal_code": "80331",
        "city": "München",
        "notes": "Bitte um Rückruf",
    },
    region="DE",
)

SPANISH_SITE = Payload(
    "a site builder's form with labels as names, Spanish",
    JSON,
    as_json(
        {
            "triggerType": "form_submission",
            "payload": {
                "name": "Contacto",
                "siteId": "65427cf400e02b306eaa04a0",
                "data": {
                    "Nombre": "María José",
                    "Apellidos": "Núñez Gil",
                    "Teléfono móvil": "612 34 56 78",
                    "Correo electrónico": "maria@example.es",
                    "Código postal": "28013",
                    "¿Cómo nos conoció?": "Google",
                },
            },
        }
    ),
    {
        "caller_number": "+34612345678",
        "name": "María José Núñez Gil",
        "email": "maria@example.es",
        "postal_code": "28013",
    },
    region="ES",
)

JAPANESE_FORM = Payload(
    "a contact form, Japanese",
    FORM + "; charset=utf-8",
    urlencode(
        {
            "お名前": "山田 花子",
            "電話番号": "090-1234-5678",
            "メールアドレス": "hanako@example.jp",
            "お問い合わせ内容": "見積もりをお願いします",
        }
    ).encode(),
    {
        "caller_number": "+819012345678",
        "name": "山田 花子",
        "email": "hanako@example.jp",
        "notes": "見積もりをお願いします",
    },
    region="JP",
)

LANDING_PAGE = Payload(
    "a landing page's form with its answers as JSON, each a list",
    FORM,
    urlencode(
        {
            "page_id": "5532",
            "page_name": "Spring offer",
            "page_url": "https://offers.example.com/spring",
            "variant": "b",
            "data.json": json.dumps(
                {
                    "first_name": ["Ann"],
                    "last_name": ["Lee"],
                    "phone_number": ["(720) 555-0123"],
                    "email": ["ann@example.com"],
                    "time_submitted": ["05:47 PM UTC"],
                    "utm_campaign": ["spring"],
                }
            ),
        }
    ).encode(),
    {
        "caller_number": "+17205550123",
        "name": "Ann Lee",
        "email": "ann@example.com",
        "campaign": "spring",
        "location": "https://offers.example.com/spring",
    },
    region="US",
)

PAYLOADS = [
    SURVEY,
    FRENCH_BRACKETS,
    FORM_BUILDER,
    GERMAN_FORM,
    SPANISH_SITE,
    JAPANESE_FORM,
    LANDING_PAGE,
]
