"""What travels: the records on the topics, as frozen values with a strict decode."""
