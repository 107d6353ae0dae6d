insert into held (delivery, problem, words, release, path, at, body)
values (%(delivery)s, %(problem)s, %(words)s, %(release)s, %(path)s, %(at)s, %(body)s)
