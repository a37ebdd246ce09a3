"""Folding inputs into state: landed versions and people's answers become parties, documents, journal and claims."""
