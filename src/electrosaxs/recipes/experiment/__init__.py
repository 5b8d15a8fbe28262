"""electrosaxs acquire: a plan, a beamline, a meter, and the run folder that they leave."""
