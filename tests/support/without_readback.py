"""A sender whose read-back finds nothing, to see what the read-back is worth.

    python -m tests.support.without_readback sender

All else is the sender: what it reads again after a crash it cannot know to be done, and does again.
"""

from agents.cli import main
from agents.sender import readback

if __name__ == "__main__":
    readback._read = lambda *_given: []  # noqa: SLF001 - the one thing that is taken from it
    main()
