-- a sign-in link works once
update token set used_at = %(now)s
where hash = %(hash)s and kind = 'sign-in' and used_at is null and revoked_at is null and expires > %(now)s
returning grantee, scope
