"""Values and rules of the business: value to value, standard library only."""
