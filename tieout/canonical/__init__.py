"""The canonical records: what every source's data becomes before rules look at it."""
