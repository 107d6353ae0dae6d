"""Reads the weighings and cuff measurements of Withings-style accounts."""
