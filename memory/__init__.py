"""Three tiers of memory, and checkpoints with versions."""
