"""A trained network: opened, evaluated, used for predictions, packed into one file, shipped."""
