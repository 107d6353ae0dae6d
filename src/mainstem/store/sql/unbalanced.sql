-- deliveries whose books do not balance: rows that were written for them against what their outcomes say, all readings
-- of a delivery taken together, since a later mapping version reads it again (I8, SYNC-10)
select o.delivery, o.kept, coalesce(f.rows, 0), o.held, coalesce(h.rows, 0)
from (select delivery, sum(kept) as kept, sum(held) as held from outcome group by delivery) o
left join (select delivery, count(*) as rows from fact group by delivery) f on f.delivery = o.delivery
left join (select delivery, count(*) as rows from held group by delivery) h on h.delivery = o.delivery
where o.kept <> coalesce(f.rows, 0) or o.held <> coalesce(h.rows, 0)
order by o.delivery
