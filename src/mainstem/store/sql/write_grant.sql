insert into grant_row (grantee, person, given, types, cats, labels, date_lo, date_hi, valid_from, valid_to, verbs, purpose, basis, words, created)
values (%(grantee)s, %(person)s, %(person)s, %(types)s::smallint[], %(cats)s, %(labels)s, %(date_lo)s, %(date_hi)s,
        %(valid_from)s, %(valid_to)s, %(verbs)s, %(purpose)s, %(basis)s, %(words)s, %(created)s)
returning id
