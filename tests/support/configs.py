"""A configuration of given records, as it is after they were read from the topic."""

from __future__ import annotations

from pipeline.configs import Configs
from schemas.codec import encode
from schemas.config import Config, key_of


def configs_of(*records: Config) -> Configs:
    """The records at the offsets from 0 on."""
    configs = Configs()
    keep(configs, *records)
    return configs


def keep(configs: Configs, *records: Config) -> None:
    """Take in the records at the offsets after the one that `configs` was read to."""
    for offset, record in enumerate(records, start=configs.offset + 1):
        assert configs.apply(str(key_of(record)).encode(), encode(record), offset) == ()


def forget(configs: Configs, *records: Config) -> None:
    """Take in that the records were deleted, at those offsets likewise."""
    for offset, record in enumerate(records, start=configs.offset + 1):
        assert configs.apply(str(key_of(record)).encode(), None, offset) == ()
