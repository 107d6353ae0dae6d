select m.record, p.id, p.uuid from member m join person p on p.id = m.person where m.record = any(%s)
