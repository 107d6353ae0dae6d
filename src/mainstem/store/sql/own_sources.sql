-- which systems feed a person's record, with how much, and since when nothing new came
select s.name, count(distinct r.pk), max(f.received)
from resource r
join head h on h.resource = r.pk
join source s on s.id = h.source
join fact f on f.record = h.record and f.chash = h.chash and f.ord = h.ord
where r.person = %(person)s and $visible
group by s.name
order by s.name
