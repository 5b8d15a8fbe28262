"""Finished results in, matplotlib Figure out, one function per figure; nothing is computed beyond q^2 I and q^4 I."""
