-- Adds a task's writes to a checkpoint. ARGV: ttl, tenant, user, member, then name, '1' to overwrite, value.
if refused(ARGV[2], ARGV[3]) then return redis.error_reply('NOTOWNER') end
local member, added = ARGV[4], {}
for at = 5, #ARGV, 3 do
  local fresh = redis.call('HEXISTS', writes, ARGV[at]) == 0
  if fresh then added[#added + 1] = ARGV[at] end
  if fresh or ARGV[at + 1] == '1' then redis.call('HSET', writes, ARGV[at], ARGV[at + 2]) end
end
if #added > 0 then
  local names = redis.call('HGET', writes, member) or ''
  redis.call('HSET', writes, member, names .. table.concat(added))
end
touch(ARGV[1])
return #added
