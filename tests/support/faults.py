"""What is wrong with an input, as tests want to see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.codec import Malformed


def faults_of(make: Callable[..., Any], *arguments: Any, **overrides: Any) -> dict[str, str]:
    """The faults, by field, with which `make` refuses its arguments; fails when it takes them."""
    with pytest.raises(Malformed) as caught:
        make(*arguments, **overrides)
    return {fault.field: fault.message for fault in caught.value.faults}
