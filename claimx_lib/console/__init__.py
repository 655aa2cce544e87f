"""The review page: parse and render, nothing else."""
