select distinct on (pk) pk, ver, upd, op, chash from history where pk = any(%s) order by pk, ver desc
