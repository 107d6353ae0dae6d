update grant_row set paused_at = coalesce(paused_at, %(now)s)
where id = %(grant)s and person = %(person)s and basis = 'patient consent' and stopped_at is null and valid_to > %(now)s
returning id
