"""The door over a database of its own, and visitors who have signed in."""

import sys
from pathlib import Path

import pytest

from mainstem.store.database import Database

sys.path.insert(0, str(Path(__file__).parent))
from house import House, Visitor


@pytest.fixture(scope="module")
def house(database: Database, tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(database, tmp_path_factory.mktemp("house"))


@pytest.fixture
def stranger(house: House) -> Visitor:
    return Visitor(house)


@pytest.fixture
def mona(house: House) -> Visitor:
    visitor = Visitor(house)
    assert visitor.get(house.invite("Adair")).status_code == 303
    return visitor
