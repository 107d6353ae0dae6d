"""The doors for programs: FHIR R4 at `/fhir`, CDS Hooks at `/cds-services`, health and metrics for operators."""

from mainstem.serve.crash import EXCEPTION_HANDLERS
from mainstem.serve.routes import routes

__all__ = ["EXCEPTION_HANDLERS", "routes"]
