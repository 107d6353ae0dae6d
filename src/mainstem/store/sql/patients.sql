-- the newest facts of the given patient records
select h.record, h.subject, h.ord, h.chash, s.name, f.body
from head h
join fact f on f.record = h.record and f.chash = h.chash and f.body is not null
join source s on s.id = h.source
where h.record = any(%s)
