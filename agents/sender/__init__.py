"""The sender: jobs in, HTTP requests out, every end recorded.

Two parts that share nothing but lists: a thread that consumes (`consumer`), and an event loop that
dispatches and makes the requests (`worker`, `http`).
"""
