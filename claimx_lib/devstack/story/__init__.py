"""The story that `claimx demo` tells: acts that produce, run the jobs, and hold what landed to what was sent."""
