"""Creating a ClaimX task from an XACT event, once: what is decided and why; no I/O."""
