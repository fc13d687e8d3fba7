"""What the API is asked and what it answers, as models: the documentation is made from them."""
