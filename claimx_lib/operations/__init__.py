"""One-shot actions behind the command line and the console."""
