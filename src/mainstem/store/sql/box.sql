-- whether grant row g covers row r now
position(%(verb)s in g.verbs) > 0
and g.valid_from <= %(now)s and g.valid_to > %(now)s and g.paused_at is null and g.stopped_at is null
and (g.types = '{}' or r.rt = any(g.types))
and (g.cats | %(public)s) & r.cat <> 0 and r.labels & ~g.labels = 0
and (g.date_lo is null and g.date_hi is null or r.cat & %(dateless)s <> 0
     or r.dlo >= coalesce(g.date_lo, '-infinity') and r.dlo < coalesce(g.date_hi, 'infinity'))
