"""One file for each outside system; nothing about claims."""
