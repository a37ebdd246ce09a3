"""Source records become canonical candidates, candidates become customers, decisions become remote fields. Pure."""
