"""C-CDA R2.1 and R1.1 documents to facts, in the source's own words (sync rule book, section 8)."""

from mainstem.formats.cda.document import read

__all__ = ["read"]
