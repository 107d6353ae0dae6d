"""PostgreSQL: the ledger (append-only), the record (a view of it), grants, audit, search; a door to the world."""
