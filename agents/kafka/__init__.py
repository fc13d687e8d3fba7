"""Kafka as all agents use it: clients, producers, group members, topics, and what is behind."""
