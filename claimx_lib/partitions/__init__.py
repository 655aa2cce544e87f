"""Iterator to Iterator: what runs in executors."""
