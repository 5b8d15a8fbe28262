"""The report of a finished run: figures as files, one self-contained page, and where everything came from."""
