-- the grant, if any, that lets a row with these attributes through
select $why
from (select %(rt)s::smallint, %(of)s::bigint, %(cat)s::bigint, %(labels)s::int, %(dlo)s::timestamptz)
     r (rt, person, cat, labels, dlo)
where $visible
