"""The matcher: events in, joined with the configuration, jobs out."""
