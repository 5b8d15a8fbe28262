"""electrosaxs live and view: a run analysed while it is measured, and the page on it."""
