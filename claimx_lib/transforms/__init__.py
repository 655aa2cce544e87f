"""DataFrame to DataFrame and Column to Column: no session, no action, no write."""
