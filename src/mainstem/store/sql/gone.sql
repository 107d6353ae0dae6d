-- whether the id was published and taken back, and the asker could have read its last version; its person may have another id now
select r.ver, r.upd
from (
    select h.id, h.rt, h.ver, h.upd, h.op, h.cat, h.labels, h.dlo,
           coalesce((select m.person from member m where m.own = h.person), h.person) as person
    from history h where h.pk = %(pk)s order by h.ver desc limit 1
) r
where r.op = 'd' and r.id = %(id)s and (%(types)s::smallint[] = '{}' or r.rt = any(%(types)s)) and $visible
