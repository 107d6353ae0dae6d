update resource set
    id = %(id)s, person = %(person)s, block = %(block)s, ver = %(ver)s, upd = %(upd)s, dlo = %(dlo)s, dhi = %(dhi)s,
    cat = %(cat)s, labels = %(labels)s, tok = %(tok)s, chash = %(chash)s, body = %(body)s, cert = %(cert)s
where pk = %(pk)s
