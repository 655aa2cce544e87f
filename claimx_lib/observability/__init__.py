"""Metrics, logs and the query listener."""
