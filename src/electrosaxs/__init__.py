"""Field-driven assembly of nanocrystal superlattices, seen by scanning, time-resolved small-angle X-ray scattering."""

__version__ = "0.1.0"
