select max(a.at), e.name, e.kind, a.verb, a.rt, sum(a.rows)::bigint, count(*), a.outcome, coalesce(max(g.words), '')
from audit a
join grantee e on e.id = a.grantee
left join grant_row g on g.id = a.grant_id
where a.person = %(person)s and (not %(others)s or e.kind <> 'patient' or e.person is distinct from a.person)
group by e.id, e.name, e.kind, a.grant_id, a.verb, a.rt, a.outcome, date_trunc('hour', a.at)
order by max(a.at) desc, a.verb, a.rt
limit %(limit)s
