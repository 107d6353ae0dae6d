-- a person's entries of some types, newest clinical date first; "before" is the place of the last one seen
select r.pk, r.id, r.rt, r.ver, r.dlo, r.person, $why, r.body
from resource r
where r.person = %(person)s and r.rt = any(%(types)s)
  and (%(pk)s::bigint is null or (coalesce(r.dlo, '-infinity'), r.pk) < (coalesce(%(dlo)s::timestamptz, '-infinity'), %(pk)s::bigint))
  and $visible
order by coalesce(r.dlo, '-infinity') desc, r.pk desc
limit %(limit)s
