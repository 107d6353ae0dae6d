-- the grant that let row r through; the app's where an app acts for a person, since it is the narrower one
(select g.id from grant_row g
 where g.grantee = coalesce(%(client)s::int, %(grantee)s)
   and (g.person = r.person or g.person is null or r.person = 0 and r.cat & %(public)s <> 0) and $box
 order by g.person nulls last, g.id limit 1)
