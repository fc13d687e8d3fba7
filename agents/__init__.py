"""What we do: Kafka, sockets, the roles and the command line."""
