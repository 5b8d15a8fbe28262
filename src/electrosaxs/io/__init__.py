"""Files in and out, one format per module, each read and written here and nowhere else (docs/formats.md).

run_toml: run.toml and experiment.toml; poni: the geometry file. frame_table: the table of frames, in CSV or NeXus.
images: open_frames for any run (nexus: detector stacks; cbf and other single images); nexus_writer: stacks written.
results: results.nxs, numbers.json, frames.csv and the streamed intensity. curves: text columns and NXcanSAS.
"""

import logging

logging.getLogger("fabio").addHandler(logging.NullHandler())  # what fabio logs is said here, in one line
