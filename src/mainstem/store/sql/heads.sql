select record, rt, subject, block, ord, chash, resource, source from head where record = any(%s)
