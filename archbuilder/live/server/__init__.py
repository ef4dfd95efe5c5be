"""`archbuilder live`: a folder for one browser on this machine, and nobody else."""
