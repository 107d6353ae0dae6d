-- (person, block) of the resources that refer to any of the given ids, by their reference tokens
select distinct r.person, r.block
from unnest(%s::bigint[]) t (token), lateral (select person, block from resource where tok @> array[t.token]) r
