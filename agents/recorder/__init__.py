"""The recorder: reads `activities`, `attempts` and `inbound`, writes the history.

A plain loop in a thread of its own: read, write, commit, in this order, so a record that was read
is in the database before the group knows it. How far it has come stands in the database, beside
what it wrote. Nothing waits for a recorder, and nothing is lost while it or its database is away.
"""
