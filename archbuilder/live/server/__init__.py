"""`archbuilder live`: serves a folder to one browser on this machine only."""
