-- some of a person's entries by their numbers
select r.pk, r.id, r.rt, r.ver, r.dlo, r.person, $why, r.body
from resource r
where r.person = %(person)s and r.pk = any(%(pks)s) and $visible
