-- the visible resources about nobody among these
select r.pk, r.id, r.rt, r.ver, r.upd, r.person, $why, r.body, r.cert, 'u', r.person
from resource r
where r.pk = any(%(pks)s::bigint[]) and r.person = 0 and $visible
order by r.pk
