"""What a simulated site lets out by now; the one thing about a site that changes."""


class Shelf:
    """A site's phase: 1 = as at the beginning, 2 = with what was written between the two syncs."""

    def __init__(self) -> None:
        """Open in phase 1."""
        self.phase = 1
