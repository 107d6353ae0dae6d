update head set subject = %(subject)s, block = %(block)s, ord = %(ord)s, chash = %(chash)s, resource = %(resource)s
where record = %(record)s
