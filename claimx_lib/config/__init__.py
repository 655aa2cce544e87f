"""Settings: what they are, how they are read, which versions they go with."""
