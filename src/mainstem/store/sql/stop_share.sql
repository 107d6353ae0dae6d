with stopped as (
    update grant_row set stopped_at = coalesce(stopped_at, %(now)s)
    where id = %(grant)s and person = %(person)s and basis = 'patient consent'
    returning id, grantee
), revoked as (
    update token set revoked_at = coalesce(revoked_at, %(now)s) from stopped where token.grantee = stopped.grantee
)
select id from stopped
