select g.id, g.grantee, e.name, g.cats, g.date_lo, g.created, g.valid_to, g.paused_at, g.stopped_at, g.words,
       coalesce(a.looked, 0), a.last
from grant_row g
join grantee e on e.id = g.grantee
left join lateral (
    select count(*) as looked, max(at) as last
    from audit
    where audit.person in (select m.own from member m where m.person = g.person) and audit.grant_id = g.id and audit.grantee = g.grantee and audit.rows > 0
) a on true
where g.person = %(person)s and g.basis = %(basis)s
order by g.created desc, g.id desc
