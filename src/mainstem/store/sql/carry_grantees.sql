update grantee g set person = moved.now
from unnest(%(before)s::bigint[], %(now)s::bigint[]) moved (before, now)
where g.person = moved.before
