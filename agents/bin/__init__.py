"""The receiver that shows what it is sent: its server and its page."""
