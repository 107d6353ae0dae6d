"""PostgreSQL: the ledger (append-only), the record (a view of it), grants, audit, search; one of the four doors to the world."""
