"""Reads a FHIR R4 server by search: one stream per resource type."""
