-- changes whenever anything changes that the person could see: entries, shares, or somebody else's look
select
    (select concat_ws('.', count(*), sum(r.ver), extract(epoch from max(r.upd))) from resource r
     where r.person = %(person)s and $visible),
    (select concat_ws('.', count(*), count(g.paused_at), count(g.stopped_at)) from grant_row g where g.person = %(person)s),
    (select max(a.id) from audit a where a.person = %(person)s and a.grantee <> %(grantee)s)
