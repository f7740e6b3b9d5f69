-- Takes a lease that nobody holds or, with '1', from whoever holds it, and reads the thread's newest version beside.
-- ARGV: holder, milliseconds, '1' to replace, tenant, user, ttl.
-- Returns -1 where the thread is someone else's, 0 where someone holds it, 2 where it was taken from someone; where
-- nobody held it 1 and, if it could be read, the newest version of the root, 0 for none.
if refused(ARGV[4], ARGV[5]) then return {-1} end
if held and held ~= holder and ARGV[3] ~= '1' then return {0} end
local fine, found = pcall(function()
  local member = newest('')
  return member and entry(member)
end)
if fine and found and ARGV[6] ~= '' then
  if redis.set_repl then redis.set_repl(redis.REPL_ALL) end
  touch(ARGV[6])
  if redis.set_repl then redis.set_repl(redis.REPL_NONE) end
end
redis.call('SET', lease, holder, 'PX', ms)
if held and held ~= holder then return {2} end
return fine and {1, found or 0} or {1}
