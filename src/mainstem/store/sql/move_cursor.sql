insert into cursor (source, stream, value, at)
values (%(source)s, %(stream)s, %(value)s, %(at)s)
on conflict (source, stream) do update set value = excluded.value, at = excluded.at
