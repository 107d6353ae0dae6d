-- the versions of one resource, newest first; one that was visible hides when the current one hides, and the other way round;
-- one from when it was about another person is for those alone who may see everybody (-1 = a person of no grant): A-67
select r.pk, r.id, r.rt, r.ver, r.upd, r.about, $why, r.body, ''::bytea, r.op, r.owner
from (
    select h.pk, h.id, h.rt, h.ver, h.upd, h.op, h.cat, h.dlo, h.person as owner,
           coalesce(c.person, n.person) as about,
           case when c.person <> n.person then -1 else n.person end as person,
           h.labels | coalesce(c.labels, 0) as labels, coalesce(s.body, c.body) as body
    from history h
    cross join lateral (
        select coalesce((select m.person from member m where m.own = h.person), h.person) as person
    ) n
    left join resource c on c.pk = h.pk
    left join superseded s on s.pk = h.pk and s.ver = h.ver
    where h.pk = %(pk)s and h.id = %(id)s and h.rt = any(%(types)s)
      and (%(ver)s::int is null or h.ver = %(ver)s)
      and (%(before)s::int is null or h.ver < %(before)s)
      and (%(since)s::timestamptz is null or h.upd >= %(since)s)
      and (s.pk is not null or c.ver = h.ver or h.op = 'd')
) r
where $visible
order by r.ver desc
limit %(limit)s
