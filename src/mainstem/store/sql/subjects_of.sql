select person, record from member where person = any(%s)
