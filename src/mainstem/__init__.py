"""mainstem: one record of a person out of many systems, traceable to the byte and shared by grant."""

__version__ = "0.1.0"
