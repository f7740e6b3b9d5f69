"""Ground of twintrack: settings, errors, Redis, models, embeddings, corpus and tracing."""
