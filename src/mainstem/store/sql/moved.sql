-- what an id that was published before stands for now: the person of a patient record, the resource of another record
select m.person from member m where m.own = %(pk)s
union
select h.resource from head h where h.record = %(pk)s and h.resource is not null
limit 1
