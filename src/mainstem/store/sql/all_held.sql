select h.id, h.delivery, s.name, h.body
from held h join delivery d on d.id = h.delivery join source s on s.id = d.source
order by h.id
