select d.id, exists (select 1 from outcome o where o.delivery = d.id and o.mapping = %(mapping)s) as done
from delivery d
where d.source = %(source)s and d.chash = %(chash)s
