-- the newest statements of a source's records of one type, in the order of their numbers
select r.record, r.subject, r.ord, r.chash, r.source, f.body, f.delivery, f.received, r.rt, r.person, $why
from (
    select h.record, h.subject, h.ord, h.chash, h.rt, s.name as source, coalesce(m.person, c.person, 0) as person,
           coalesce(c.cat, %(other)s) as cat, coalesce(c.labels, -1) as labels, c.dlo
    from source s
    join head h on h.source = s.id and h.rt = %(rt)s
    left join resource c on c.pk = h.resource
    left join member m on m.record = h.subject
    where s.name = %(source)s and (%(subject)s::bigint is null or h.subject = %(subject)s)
      and (%(after)s::bigint is null or h.record > %(after)s)
) r
join fact f on f.record = r.record and f.chash = r.chash and f.body is not null
where $visible
order by r.record
limit %(limit)s
