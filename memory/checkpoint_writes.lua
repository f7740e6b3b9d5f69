-- Adds a task's writes to a checkpoint. ARGV: ttl, tenant, user, member, then name, '1' to overwrite, value.
if refused(ARGV[2], ARGV[3]) then return redis.error_reply('NOTOWNER') end
local added = add_writes(ARGV[4], 5, #ARGV)
if added > 0 then claim(ARGV[2], ARGV[3]) end
touch(ARGV[1])
return added
