"""The configuration: reading it from its topic, following it, and applying a document."""
