"""The command line: parse and render, nothing else."""
