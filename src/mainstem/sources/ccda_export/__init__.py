"""Fetches the C-CDA documents that an HTTP index lists."""
