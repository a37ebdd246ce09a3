"""The HTTP face: API routes, console pages, who may do what."""
