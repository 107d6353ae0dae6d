"""Whose is it: patient records to decisions to persons, by links and never by merging; pure."""

from mainstem.identify.blocking import keys
from mainstem.identify.clusters import Partition, cluster, partition
from mainstem.identify.demographics import demographics
from mainstem.identify.rules import STAGE, decide

__all__ = ["STAGE", "Partition", "cluster", "decide", "demographics", "keys", "partition"]
