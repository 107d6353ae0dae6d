-- the person of whom most is to be seen: alerts first, then conflicts, then plain facts
select person
from resource
where person <> 0
group by person
order by count(*) filter (where rt = %(flag)s) desc, count(*) filter (where rt = %(issue)s) desc, count(*) desc, person
limit 1
