-- deliveries whose books do not balance: rows that were written for them against what their outcome says (I8)
select o.delivery, o.kept, count(f.record) as facts, o.held,
    (select count(*) from held h where h.delivery = o.delivery) as held_rows
from outcome o left join fact f on f.delivery = o.delivery
group by o.delivery, o.mapping, o.kept, o.held
having o.kept <> count(f.record)
    or o.held <> (select count(*) from held h where h.delivery = o.delivery)
