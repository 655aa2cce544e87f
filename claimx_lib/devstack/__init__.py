"""Embedded broker, ClaimX simulator and scenarios; not in the wheel."""
