"""Work on many machines: a Dask scheduler, its workers, what they must have in common, and how often a task was tried."""
