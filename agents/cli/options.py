"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

data_dir_option: Final = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the state of `up` and the broker is kept (HOOKLINE_DATA_DIR, or .hookline).",
)
