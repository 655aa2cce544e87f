"""What analysts ask of the tables, as frames; `schemas/views.py` names the SQL views over them."""
