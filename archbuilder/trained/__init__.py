"""A trained network as a thing: opened, evaluated, asked, packed, shipped."""
