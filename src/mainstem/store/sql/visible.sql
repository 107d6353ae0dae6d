-- the one predicate: the token's scopes, a grant of the grantee and, when an app acts for them, a grant of the app too
(
    ((%(wide)s::smallint[] is null or r.rt = any(%(wide)s))
     or (r.person = %(own)s::bigint or r.person = 0 and r.cat & %(public)s <> 0)
        and (%(narrow)s::smallint[] is null or r.rt = any(%(narrow)s)))
    and $grantee
    and (%(client)s::int is null or ($client))
)
