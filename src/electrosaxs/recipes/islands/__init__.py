"""Micrographs to islands and their density; and micrographs of simulated islands."""
