-- who used a person's record, also under the ids that the person had before (a machine that reads for many in one line an hour), and which of the receivers of the person's own shares were turned away
with touched as (
    select at, grantee, grant_id, verb, rt, rows, outcome from audit where person in (select m.own from member m where m.person = %(person)s)
    union all
    select a.at, a.grantee, null, a.verb, a.rt, 0, 'refused'
    from (select * from audit where person = 0 order by at desc limit 2000) a
    where exists (select from grant_row g where g.grantee = a.grantee and g.person = %(person)s and g.basis = %(basis)s)
)
select max(t.at), e.name, e.kind, case when e.kind in ('operator', 'job') then 'search' else t.verb end as verb,
       case when e.kind in ('operator', 'job') then 0 else t.rt end as rt, sum(t.rows)::bigint, count(*), t.outcome, coalesce(max(g.words), '')
from touched t
join grantee e on e.id = t.grantee
left join grant_row g on g.id = t.grant_id
where not %(others)s or e.person is distinct from %(person)s
group by e.id, e.name, e.kind, t.grant_id, 4, 5, t.outcome, date_trunc('hour', t.at)
order by max(t.at) desc, 4, 5
limit %(limit)s
