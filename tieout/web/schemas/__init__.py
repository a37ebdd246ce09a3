"""Models of the API: what comes in is strict, what goes out is described in full."""
