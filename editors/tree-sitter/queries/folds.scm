[
  (block)
  (record)
  (list)
  (comprehension)
  (script)
] @fold
