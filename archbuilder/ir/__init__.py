"""The intermediate representation: a graph of a few primitive ops, and every rule about them."""
