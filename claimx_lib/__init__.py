"""iTel cabinet task tracking and XACT-to-ClaimX task creation."""
