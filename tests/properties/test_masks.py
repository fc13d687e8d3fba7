"""Masks over any webhook: nothing of a secret is shown, and nothing is lost by writing it back."""

from hypothesis import given

from pipeline.masks import masked, unmasked
from pipeline.requests import MASK
from pipeline.sealing import secrets_of
from schemas.codec import encode, validate
from schemas.webhook import Webhook
from tests.support.config_strategies import webhook_documents

webhooks = webhook_documents.map(lambda document: validate(Webhook, document))


@given(webhook=webhooks)
def test_every_secret_is_shown_as_the_mask_and_counted_as_before(webhook):
    shown = Webhook.model_construct(**masked(webhook))
    texts = [header["value"] for header in shown.headers]
    texts += [shown.basic_auth["password"]] if shown.basic_auth else []
    texts += shown.signing["secrets"]
    assert texts == [it.text and MASK for it in secrets_of(webhook)]


@given(webhook=webhooks)
def test_what_was_shown_means_the_same_webhook_when_it_is_written_back(webhook):
    fields, faults = unmasked(masked(webhook), webhook)
    assert faults == []
    assert encode(validate(Webhook, fields)) == encode(webhook)
