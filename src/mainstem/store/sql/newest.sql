-- the newest fact of each record, by order, then by content; the body stands at the first statement of that content
select distinct on (f.record) f.record, f.source, f.rt, f.subject, f.ord, f.chash, s.name, b.body
from fact f
join fact b on b.record = f.record and b.chash = f.chash and b.body is not null
join source s on s.id = f.source
where (f.rt = %(patient)s) = %(patients)s
order by f.record, f.ord desc, f.chash desc
