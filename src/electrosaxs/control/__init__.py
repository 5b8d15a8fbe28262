"""Which voltage does what is wanted: the transport model turned round, within what a supply and a cell allow."""
