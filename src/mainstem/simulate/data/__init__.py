"""Tables of the simulation: names, analytes, codes; no third party's data."""
