-- the newest statement of one source record, visible as what it contributes to; one that contributes to nothing is `other`
select r.record, r.subject, r.ord, r.chash, r.source, f.body, f.delivery, f.received, r.rt, r.person, $why
from (
    select h.record, h.subject, h.ord, h.chash, h.rt, s.name as source, coalesce(m.person, c.person, 0) as person,
           coalesce(c.cat, %(other)s) as cat, coalesce(c.labels, -1) as labels, c.dlo
    from head h
    join source s on s.id = h.source
    left join resource c on c.pk = h.resource
    left join member m on m.record = h.subject
    where h.record = %(record)s
) r
join fact f on f.record = r.record and f.chash = r.chash and f.body is not null
where $visible
