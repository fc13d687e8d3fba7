"""How the tables came to be as they are, step by step: Alembic's revisions.

A step only goes forward; back leads making the history anew from the topics.
"""
