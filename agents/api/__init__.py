"""The HTTP API: operations as data, and one way in which each request is checked and answered."""
