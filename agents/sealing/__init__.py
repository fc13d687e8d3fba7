"""Keys for the secrets of webhooks: where a process finds them, and changing them for others."""
