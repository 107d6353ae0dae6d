"""Hospitals, devices and faults in a box: seeded, bounded; the truth is known from the plan, not from the product."""
