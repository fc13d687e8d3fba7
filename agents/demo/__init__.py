"""`hookline demo`: twenty phases through a real Kafka into HTTP calls, and what happens when not.

`scenario` is what is configured and published, `evidence` what is then found on the topics and at
the receiver, `findings` what that proves, `screen` how it is shown, `run` puts them together.
"""
