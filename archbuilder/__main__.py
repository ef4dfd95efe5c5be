"""python -m archbuilder."""

from archbuilder.cli import entry

entry()
