-- the newest fact of each record that contributes to an entry, with the delivery in which it came
select f.record, f.chash, f.subject, s.name, b.body, f.ord, f.delivery, f.received
from head h
join fact f on f.record = h.record and f.chash = h.chash and f.ord = h.ord
join fact b on b.record = f.record and b.chash = f.chash and b.body is not null
join source s on s.id = h.source
where h.record = any(%(records)s)
