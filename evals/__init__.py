"""Quality, measured on public data."""
