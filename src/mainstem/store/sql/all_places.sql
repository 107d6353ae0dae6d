select distinct coalesce(m.person, 0) as person, h.block
from head h left join member m on m.record = h.subject
where h.subject = 0 or m.person is not null
order by person, block
