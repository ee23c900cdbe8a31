"""Ways to and from other tools. SymPy is imported when one of them needs it."""
