insert into audit (at, grantee, client, grant_id, person, verb, rt, pk, rows, outcome, request, query)
select %(at)s, %(grantee)s, %(client)s, t.grant_id, t.person, %(verb)s, %(rt)s, t.pk, t.rows, %(outcome)s, %(request)s, %(query)s
from unnest(%(persons)s::bigint[], %(grants)s::bigint[], %(pks)s::bigint[], %(counts)s::int[]) t (person, grant_id, pk, rows)
