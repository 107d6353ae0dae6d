-- whether a living grant of $who covers row r: of its person, of all people, or any grant when it is public
(select e.paused_at is null and e.disabled_at is null from grantee e where e.id = $who)
and (exists (select from grant_row g where g.grantee = $who and g.person = r.person and $box)
     or exists (select from grant_row g where g.grantee = $who and g.person is null and $box)
     or r.person = 0 and r.cat & %(public)s <> 0 and exists (select from grant_row g where g.grantee = $who and $box))
