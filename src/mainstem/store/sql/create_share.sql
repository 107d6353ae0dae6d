with receiver as (
    insert into grantee (kind, name, created) values ('app', %(name)s, %(now)s) returning id
)
insert into grant_row (grantee, person, types, cats, labels, date_lo, date_hi, valid_from, valid_to, verbs, purpose, basis, words, created)
select id, %(person)s, '{}', %(cats)s, %(labels)s, %(since)s, null, %(now)s, %(until)s, %(verbs)s, 'treatment', %(basis)s, %(words)s, %(now)s
from receiver
returning id
