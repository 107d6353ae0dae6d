"""The words that every room shares: facts, held items, records, persons, grants, time; imports nothing of mainstem."""
