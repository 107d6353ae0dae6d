insert into outcome (delivery, mapping, at, stated, kept, known, held)
values (%(delivery)s, %(mapping)s, %(at)s, %(stated)s, %(kept)s, %(known)s, %(held)s)
