"""What keeps a simulation from being judged at all."""


class SimulationError(Exception):
    """The record could not be read back, or a site did not start; says what was asked and what came."""
