"""The pictures: which step follows which."""
