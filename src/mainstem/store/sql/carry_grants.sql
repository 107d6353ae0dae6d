-- a person who is known under another id now keeps their grants: the records did not change hands
update grant_row g set person = moved.now
from unnest(%(before)s::bigint[], %(now)s::bigint[]) moved (before, now)
where g.person = moved.before
