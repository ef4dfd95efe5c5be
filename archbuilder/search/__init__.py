"""Search: the best network of a space under its limits, judged first, then trained a little at a time."""
