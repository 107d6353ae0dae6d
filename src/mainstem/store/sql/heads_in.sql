-- the newest facts of the given (subject, block) pairs, with their sealed bodies; restatements carry no body
select h.record, h.subject, h.block, h.ord, h.chash, h.resource, s.name, f.body
from unnest(%(subjects)s::bigint[], %(blocks)s::bigint[]) wanted (subject, block)
join head h on h.subject = wanted.subject and h.block = wanted.block
join fact f on f.record = h.record and f.chash = h.chash and f.body is not null
join source s on s.id = h.source
where h.record <> all(%(but)s)
