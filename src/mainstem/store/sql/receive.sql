insert into delivery (source, media, chash, received, size, body)
values (%(source)s, %(media)s, %(chash)s, %(received)s, %(size)s, %(body)s)
on conflict (source, chash) do nothing
returning id
