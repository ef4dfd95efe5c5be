"""Files by the number that check finds clean, and what each must stand: what `tests/fuzz_recipes.py` tries.

A file is drawn from the language's own JSON Schema (drawing.py, files.py) for a small random data set (images.py),
is trained, saved and resumed (trial.py), and cut down to what fails (shortest.py).
"""
