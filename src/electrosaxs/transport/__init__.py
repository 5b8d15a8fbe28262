"""Polydisperse drift-diffusion in the sealed cell, with crystals growing on the anode."""

from .grid import Grid, graded_grid
from .history import CellHistory, FluxTerms
from .problem import Problem, State
from .simulate import DEFAULT_RTOL, simulate
from .size_classes import SizeClasses, number_moments
from .weights import beam_weights, point_weights, slice_weights
