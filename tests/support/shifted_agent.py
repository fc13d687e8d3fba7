"""An agent started by a test's pipeline whose wall clock follows the file that SHIFT_FILE names."""

import os
from pathlib import Path

from tests.support.shifted_clock import patch

if __name__ == "__main__":
    patch(Path(os.environ["SHIFT_FILE"]))
    from agents.cli import main

    main()
