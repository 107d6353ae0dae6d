"""The closed list of reasons for which something is held."""

from enum import StrEnum


class Problem(StrEnum):
    """Why a delivery or a fact is held; the value is what is stored."""

    UNREADABLE = "unreadable"
    """The bytes are not well-formed in the format that they claim (truncated JSON, broken XML, wrong encoding)."""
    UNSAFE = "unsafe"
    """The bytes try something no document needs: DOCTYPE, entity expansion, a path out of an archive."""
    TOO_LARGE = "too-large"
    """A line, element, archive member or depth beyond the stated limit."""
    UNKNOWN_FORMAT = "unknown-format"
    """No reader recognises the bytes."""
    NOT_A_RESOURCE = "not-a-resource"
    """JSON without a FHIR resourceType that R4 knows, or without what its type cannot do without."""
    NO_PATIENT = "no-patient"
    """A document or clinical entry that names no patient."""
    AMBIGUOUS_PERSON = "ambiguous-person"
    """A measurement whose device cannot say which of several people it was (CONS-9, WEAR-12)."""
    BAD_DATE = "bad-date"
    """A date or time that does not exist or cannot be placed (WEAR-14)."""
    BAD_REFERENCE = "bad-reference"
    """A reference that can never resolve, such as a conditional reference with several matches (REF-6)."""
    UNSUPPORTED = "unsupported"
    """Well-formed, but of a version or kind that mainstem does not read (DSTU2, HL7 v3 other than CDA)."""
    DEFECT = "defect"
    """A reader of mainstem itself failed on it: nothing is wrong with the bytes as far as is known."""
