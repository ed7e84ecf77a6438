"""Who has the floor: the transition table, overlaps, end of turn, records, and the conversation."""
