-- records that now stand under another id than their own
select h.record, r.id from head h join resource r on r.pk = h.resource
where h.record = any(%s) and h.resource <> h.record
