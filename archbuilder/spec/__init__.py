"""The sections of a file as typed models."""
