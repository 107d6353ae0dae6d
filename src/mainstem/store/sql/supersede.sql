insert into superseded (pk, ver, body, cert) select pk, ver, body, cert from resource where pk = any(%s)
on conflict (pk, ver) do nothing
