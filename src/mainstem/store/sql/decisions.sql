-- the newest decision on each pair that touches the given records; a person's decision outranks the matcher's (LINK-3)
select distinct on (lo, hi) lo, hi, verdict, rule, body
from decision
where lo = any(%(records)s) or hi = any(%(records)s)
order by lo, hi, (body ->> 'actor' <> 'automatic') desc, id desc
