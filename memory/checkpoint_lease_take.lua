-- Takes a lease that nobody holds or, with '1', from whoever holds it.
-- ARGV: holder, milliseconds, '1' to replace, tenant, user; the second key is the thread's `info`.
-- Returns -1 where the thread is someone else's, 0 where someone holds it, 1 where nobody did, 2 where it was taken
-- from someone.
if ARGV[5] ~= '' then
  local owner = redis.call('HMGET', KEYS[2], 'tenant', 'user')
  if owner[2] and (owner[1] ~= ARGV[4] or owner[2] ~= ARGV[5]) then return -1 end
end
if held and held ~= holder and ARGV[3] ~= '1' then return 0 end
redis.call('SET', lease, holder, 'PX', ms)
return held and held ~= holder and 2 or 1
