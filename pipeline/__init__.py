"""What we decide: pure functions over the records. Nothing here knows the time."""
