"""All newest facts of one person about one thing become one record, with a certificate; differences stay visible."""

from mainstem.consolidate.block import block_of
from mainstem.consolidate.stage import STAGE, consolidate

__all__ = ["STAGE", "block_of", "consolidate"]
