insert into held (delivery, problem, words, release, at, body)
values (%(delivery)s, %(problem)s, %(words)s, %(release)s, %(at)s, %(body)s)
