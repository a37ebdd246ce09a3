"""Settling what became dirty: link parties, bind claims, decide, and intend effects; once the books are whole."""
