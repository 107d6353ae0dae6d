select f.record, f.subject, f.ord, f.chash, s.name, f.body
from fact f join source s on s.id = f.source
where f.body is not null
