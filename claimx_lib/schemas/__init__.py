"""Constants: the shapes of tables, topics and messages."""
