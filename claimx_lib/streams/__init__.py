"""One file a job: the recipe that a micro-batch follows."""
