-- a grant belongs to the patient record that named its person when it was given, and goes where that record goes: persons
-- that join bring theirs along, persons that part take theirs back
update grant_row g set person = m.person
from member m
where m.record = any(%(records)s) and g.given = m.own and g.person <> m.person
