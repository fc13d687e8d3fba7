"""Publishing events: reading them from lines, and writing them to `activities`."""
