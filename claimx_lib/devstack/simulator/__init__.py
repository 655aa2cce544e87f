"""ClaimX as a process of its own: real HTTP, state that can be set, faults that can be scripted."""
