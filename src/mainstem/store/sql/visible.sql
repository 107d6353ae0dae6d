-- the one predicate: the token's scopes, and a living grant of the grantee that covers row r
(
    ((%(wide)s::smallint[] is null or r.rt = any(%(wide)s))
     or (r.person = %(own)s::bigint or r.person = 0 and r.cat & %(public)s <> 0)
        and (%(narrow)s::smallint[] is null or r.rt = any(%(narrow)s)))
    and $grantee
)
