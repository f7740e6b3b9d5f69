"""The ways in: embedding, server and command line; the only layer that knows everything."""
