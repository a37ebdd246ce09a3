"""The reports that can be made, each a function from the books at a point to a `Report`."""
