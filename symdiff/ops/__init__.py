"""The operators: one record each, a file per family."""
