"""`hookline bench`: what an installation does under load, measured where requests arrive.

`cases` says what is tried, `plan` which webhooks that takes, `publisher` and `receiver` are
processes of their own at either end, `stage` is everything brought up, `measuring` runs one case,
`figures`, `tally`, `search` and `partitions` turn what came into numbers, `report` shows them.
"""
