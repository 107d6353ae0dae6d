-- how many of a person's entries an offer would cover, of how many there are
select count(*) filter (
    where r.cat & %(cats)s <> 0 and r.labels & ~%(labels)s::int = 0
      and (%(since)s::timestamptz is null or r.cat & %(dateless)s <> 0 or r.dlo >= %(since)s)
), count(*)
from resource r
where r.person = %(person)s and $visible
