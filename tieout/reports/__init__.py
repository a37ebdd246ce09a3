"""Read models: what a screen, an API answer or a report shows, assembled from stored rows. Nothing is decided here."""
