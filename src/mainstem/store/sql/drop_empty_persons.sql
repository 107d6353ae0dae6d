delete from person where id = any(%s) and not exists (select 1 from member m where m.person = person.id)
