-- a person's visible resources, in the order of their numbers
select r.pk, r.id, r.rt, r.ver, r.upd, r.person, $why, r.body, r.cert, 'u', r.person
from resource r
where r.person = %(person)s and (%(after)s::bigint is null or r.pk > %(after)s)
  and (%(types)s::smallint[] = '{}' or r.rt = any(%(types)s))
  and (%(since)s::timestamptz is null or r.upd >= %(since)s)
  and (r.dlo is null or (%(start)s::timestamptz is null or r.dhi > %(start)s)
                    and (%(end)s::timestamptz is null or r.dlo < %(end)s))
  and $visible
order by r.pk
limit %(limit)s
