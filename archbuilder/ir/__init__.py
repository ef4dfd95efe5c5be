"""The intermediate representation: a graph of primitive ops, and every rule about them."""
