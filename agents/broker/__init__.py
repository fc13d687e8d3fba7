"""A real Apache Kafka inside a Python application: no Docker, Java or Maven on the machine.

`embedded.EmbeddedBroker` is what others use, `directory.running_broker` finds one that runs.
Nothing of a broker outlives the process that started it, and its data outlives everything.
"""
