-- everything that a source ever stated of one record, newest first; a restatement has the body of its content
select f.record, f.subject, f.ord, f.chash, s.name, b.body, f.delivery, f.received, f.rt
from fact f
join source s on s.id = f.source
join fact b on b.record = f.record and b.chash = f.chash and b.body is not null
where f.record = %(record)s
order by f.ord desc, f.received desc, f.chash
