"""Values and errors that every room shares: money, dates, ids, clock, errors, ports."""
