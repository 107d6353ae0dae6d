update grantee g set person = m.person
from member m
where m.record = any(%(records)s) and g.given = m.own and g.person <> m.person
