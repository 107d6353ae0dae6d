-- whether the id was published and taken back, and the asker could have read its last version
select r.ver, r.upd
from (select h.* from history h where h.pk = %(pk)s order by h.ver desc limit 1) r
where r.op = 'd' and r.id = %(id)s and (%(types)s::smallint[] = '{}' or r.rt = any(%(types)s)) and $visible
