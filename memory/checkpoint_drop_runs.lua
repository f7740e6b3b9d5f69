-- Removes the checkpoints that the given runs made, but for those that later ones are rebuilt from. ARGV: run ids.
local keep, dead = {}, {}
for _, run in ipairs(ARGV) do
  for member in string.gmatch(redis.call('HGET', runs, run) or '', '[^\n]+') do dead[member] = true end
end
for _, member in ipairs(redis.call('ZRANGE', ids, 0, -1)) do
  if not dead[member] then keep[member] = true end
end
keep_needed(keep)
return remove_all_but(keep)
