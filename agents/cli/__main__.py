"""`python -m agents.cli`, for supervisors that start an agent with the same interpreter."""

from agents.cli import main

main()
