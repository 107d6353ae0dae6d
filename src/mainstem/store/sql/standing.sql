-- resources that stand now in the given (person, block) pairs, or under the given keys
select pk, id, rt, person, block, ver, upd, cat, labels, dlo, chash
from resource
where pk = any(%(pks)s)
union
select r.pk, r.id, r.rt, r.person, r.block, r.ver, r.upd, r.cat, r.labels, r.dlo, r.chash
from unnest(%(persons)s::bigint[], %(blocks)s::bigint[]) wanted (person, block)
join resource r on r.person = wanted.person and r.block = wanted.block
