"""Django's PostgreSQL backend, which asks a line less often whether it still works."""
