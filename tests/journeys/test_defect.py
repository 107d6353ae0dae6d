"""A defect of our own holds what it stumbled over, and nothing else waits for it."""

from pathlib import Path

from journeys.house import house
from mainstem.model.fact import Delivery, Fact
from mainstem.model.outcome import Outcome
from mainstem.model.reference import Reference
from mainstem.pipeline import Pipeline
from mainstem.store.database import Database


def test_sync_1_a_defect_of_a_reader_holds_its_delivery_and_stops_nothing(database: Database, tmp_path: Path) -> None:
    def stumble(_: Delivery) -> Outcome[Fact]:
        raise ZeroDivisionError

    with house(database, tmp_path) as home:
        readers = {**home.context.reference.readers, "application/x-odd": stumble}
        reference = Reference(namer=home.context.reference.namer, readers=readers)
        pipeline = Pipeline(database, home.context.vault, reference, home.clock)
        odd = Delivery(source="odd", name="x", media="application/x-odd", body=b"x", received=home.clock())
        report = pipeline.apply(odd)
        assert (report.stated, report.held) == (1, 1)
        assert "ZeroDivisionError" in report.reasons[0]
        assert pipeline.recover() == []
