-- who used a person's record, and which of the receivers of the person's own shares were turned away
with touched as (
    select at, grantee, grant_id, verb, rt, rows, outcome from audit where person = %(person)s
    union all
    select a.at, a.grantee, null, a.verb, a.rt, 0, 'refused'
    from (select * from audit where person = 0 order by at desc limit 2000) a
    where exists (select from grant_row g where g.grantee = a.grantee and g.person = %(person)s and g.basis = %(basis)s)
)
select max(t.at), e.name, e.kind, t.verb, t.rt, sum(t.rows)::bigint, count(*), t.outcome, coalesce(max(g.words), '')
from touched t
join grantee e on e.id = t.grantee
left join grant_row g on g.id = t.grant_id
where not %(others)s or e.person is distinct from %(person)s
group by e.id, e.name, e.kind, t.grant_id, t.verb, t.rt, t.outcome, date_trunc('hour', t.at)
order by max(t.at) desc, t.verb, t.rt
limit %(limit)s
