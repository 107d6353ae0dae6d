insert into token (hash, grantee, client, kind, scope, created, expires)
values (%(hash)s, %(grantee)s, %(client)s, %(kind)s, %(scope)s, %(created)s, %(expires)s)
