"""Frames and tables as beamlines write them: where the pixels are, what counters and motors mean, roles from names."""
