"""Read queries: one file per noun, each takes an open connection and gives plain rows. No rules."""
