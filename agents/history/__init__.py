"""What has happened, in a database: activities, events, deliveries, attempts and their bodies.

A projection of two topics, made by the recorder. It can be thrown away and made again from them, as
far back as they reach; nothing that is delivered depends on it.
"""
