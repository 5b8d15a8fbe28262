"""A flux that is held: what the frames say of the cell, and the voltage that gives the set-point next."""
