"""The patient's door: see everything in plain words, say who else may see it, and see who looked."""

from mainstem.share.door import invite
from mainstem.share.routes import routes

__all__ = ["invite", "routes"]
