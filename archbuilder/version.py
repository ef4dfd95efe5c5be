"""The version, a plain constant: setup.cfg reads it without importing the package."""

__version__ = "0.2.0"
