-- one current resource, if it is there for the asker, with the grant that lets it through
select r.pk, r.id, r.rt, r.ver, r.upd, r.person, $why, r.body, r.cert, 'u', r.person
from resource r
where r.pk = %(pk)s and (%(types)s::smallint[] = '{}' or r.rt = any(%(types)s)) and r.id = coalesce(%(id)s::uuid, r.id)
  and $visible
