"""Replays: chosen deliveries begun again by the API's process, at a bounded rate."""
