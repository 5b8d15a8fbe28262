"""The transport model against measured maps: fit, what the data fix, and what to measure next."""
