"""The experiment itself: source meter, guard, beamline, and the plan that steps through them."""
