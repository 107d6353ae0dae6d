select d.id, s.name, d.media, d.chash, d.received, d.body
from delivery d join source s on s.id = d.source
where not exists (select 1 from outcome o where o.delivery = d.id)
order by d.id
