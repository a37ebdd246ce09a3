"""Tables, queries and the commit helper: what is stored and how it is found. No rules."""
