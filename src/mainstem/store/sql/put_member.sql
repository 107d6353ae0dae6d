insert into member (record, person, own) values (%(record)s, %(person)s, %(own)s)
on conflict (record) do update set person = excluded.person
