-- who holds this living token; a disabled grantee or app has none
select t.grantee, t.client, t.scope, g.kind, g.name, g.person
from token t
join grantee g on g.id = t.grantee
left join grantee c on c.id = t.client
where t.hash = %(hash)s and t.expires > %(now)s and t.revoked_at is null and t.kind in ('bearer', 'session')
  and g.disabled_at is null and c.disabled_at is null
