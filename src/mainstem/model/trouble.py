"""What the person who runs mainstem has to put right: said as what happened, where, and what to do."""


class SetupError(Exception):
    """Something outside the program is not as it must be (a key file, a disk, a server); never a patient's data."""

    def __init__(self, what: str, *, where: object, remedy: str) -> None:
        self.what = what
        self.where = str(where)
        self.remedy = remedy
        super().__init__(what, self.where, remedy)

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  what to do: {self.remedy}"
