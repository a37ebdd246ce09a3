"""Who is who: identifiers, names, keys and the judgement whether two records are one customer. Pure."""
